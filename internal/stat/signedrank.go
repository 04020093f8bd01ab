package stat

// exactMax is the greatest number of values for which the distribution of Wilcoxon's
// signed ranks is counted out; beyond it the normal distribution is close.
const exactMax = 50

// signSums is the distribution of the sum of those ranks whose sign, drawn by a
// fair coin, is plus: the probability of each sum from 0 on.
func signSums(ranks []int) []float64 {
	sum := 0
	for _, r := range ranks {
		sum += r
	}
	p := make([]float64, sum+1)
	p[0] = 1
	reach := 0
	for _, r := range ranks {
		reach += r
		for s := reach; s >= 0; s-- {
			p[s] /= 2
			if s >= r {
				p[s] += p[s-r] / 2
			}
		}
	}
	return p
}
