package result

import (
	"encoding/json"
	"fmt"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A Histogram is an HDR histogram of nanoseconds; in JSON it is the compressed
// V2 encoding that other HdrHistogram tools read.
type Histogram struct {
	*hdrhistogram.Histogram
}

// NanosMax is the greatest value that NewHistogram covers, in nanoseconds.
const NanosMax = 100e9

// NewHistogram covers 1 ns to 100 s with three significant digits.
func NewHistogram() Histogram {
	return Histogram{hdrhistogram.New(1, NanosMax, 3)}
}

// Record counts v, or the greatest value that h covers where v is greater; fits
// is then false.
func (h Histogram) Record(v int64) (fits bool) {
	most := h.HighestTrackableValue()
	h.RecordValue(min(v, most))
	return v <= most
}

// histogramSizeMax is four times what NewHistogram takes: a few bytes of a
// file can ask for gigabytes.
const histogramSizeMax = 1 << 20

// MarshalJSON implements json.Marshaler.
func (h Histogram) MarshalJSON() ([]byte, error) {
	if h.Histogram == nil {
		return []byte("null"), nil
	}
	b, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		return nil, fmt.Errorf("encode histogram: %w", err)
	}
	return json.Marshal(string(b))
}

// UnmarshalJSON implements json.Unmarshaler.
func (h *Histogram) UnmarshalJSON(b []byte) error {
	var s *string
	if err := json.Unmarshal(b, &s); err != nil || s == nil {
		return err
	}
	d, err := hdrhistogram.Decode([]byte(*s))
	if err != nil {
		return fmt.Errorf("decode histogram: %w", err)
	}
	if d.ByteSize() > histogramSizeMax {
		return fmt.Errorf("decode histogram: it takes %d bytes, more than any of ringbench's", d.ByteSize())
	}
	h.Histogram = d
	return nil
}

// Supports reports whether enough was recorded to speak of percentile p (in
// percent): at least ten values must lie beyond it.
func (h Histogram) Supports(p float64) bool {
	const rounding = 1e-6 // 100-99.9 is a little less than 0.1
	return h.Histogram != nil && float64(h.TotalCount())*(100-p)/100 >= 10-rounding
}

// Merge adds the values of all hists. Values beyond the range of
// NewHistogram, which only a foreign file can hold, are counted in dropped.
func Merge(hists ...Histogram) (sum Histogram, dropped int64) {
	sum = NewHistogram()
	for _, h := range hists {
		if h.Histogram != nil {
			dropped += sum.Histogram.Merge(h.Histogram)
		}
	}
	return sum, dropped
}
