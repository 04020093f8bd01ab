package stat

import "math"

func logRatios(pairs [][2]float64) (logs []float64) {
	for _, p := range pairs {
		if positive(p[0]) && positive(p[1]) {
			logs = append(logs, math.Log(p[0]/p[1]))
		}
	}
	return logs
}

// moments are the mean of values, at least one, and their standard deviation,
// which is NaN of one.
func moments(values []float64) (mean, sd float64) {
	n := float64(len(values))
	for _, x := range values {
		mean += x
	}
	mean /= n
	if n < 2 {
		return mean, math.NaN()
	}
	var squares float64
	for _, x := range values {
		squares += (x - mean) * (x - mean)
	}
	return mean, math.Sqrt(squares / (n - 1))
}

func positive(x float64) bool { return x > 0 && !math.IsInf(x, 0) }
