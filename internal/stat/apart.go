package stat

import "math"

// Apart estimates a/b of two samples that were taken apart, each in groups by
// session: the ratio of their geometric means, with Welch's interval on the
// logarithms (Biometrika 1947), which lets the two spread differently. What is not a
// positive number is left out. Where both have two or more sessions it is those'
// means that are compared, so the interval carries what differs between sessions;
// else it is the trials, and does not. Pairs is then the number of trials of the
// smaller sample and Sessions that of the one with fewer. Lo and Hi are NaN where
// there are fewer than two of either, and all is NaN without values of both.
//
// It covers 95 to 97 % with 5 or more of each, normal or with heavy tails, and with
// three sessions each; where they are skewed to one side (exponential) as much if the
// two spread alike, but 91 to 93 % if one spreads 2.5 times as far.
func Apart(a, b [][]float64) Effect {
	va, na, sa := sample(a)
	vb, nb, sb := sample(b)
	e := Effect{Center: math.NaN(), Lo: math.NaN(), Hi: math.NaN(), Pairs: min(na, nb), Sessions: min(sa, sb)}
	if len(va) == 0 || len(vb) == 0 {
		return e
	}
	if e.Sessions > 1 {
		va, vb = means(a), means(b)
	}
	meanA, sdA := moments(va)
	meanB, sdB := moments(vb)
	at := meanA - meanB
	e.Center = math.Exp(at)
	if len(va) < 2 || len(vb) < 2 {
		return e
	}
	varA, varB := sdA*sdA/float64(len(va)), sdB*sdB/float64(len(vb))
	e.freedom = welch(varA, len(va), varB, len(vb))
	half := student(e.freedom) * math.Sqrt(varA+varB)
	e.Lo, e.Hi = math.Exp(at-half), math.Exp(at+half)
	return e
}

// welch is Satterthwaite's approximation of the degrees of freedom of the sum of two
// means' variances, each of so many values.
func welch(varA float64, na int, varB float64, nb int) float64 {
	if varA+varB == 0 {
		return float64(na + nb - 2)
	}
	return (varA + varB) * (varA + varB) / (varA*varA/float64(na-1) + varB*varB/float64(nb-1))
}

// sample is the logarithms of all sessions' values, and how many sessions have any.
func sample(sessions [][]float64) (logs []float64, n, used int) {
	for _, s := range sessions {
		of := logsOf(s)
		if len(of) > 0 {
			used++
		}
		logs = append(logs, of...)
	}
	return logs, len(logs), used
}

func means(sessions [][]float64) (list []float64) {
	for _, s := range sessions {
		if logs := logsOf(s); len(logs) > 0 {
			mean, _ := moments(logs)
			list = append(list, mean)
		}
	}
	return list
}

func logsOf(values []float64) (logs []float64) {
	for _, x := range values {
		if positive(x) {
			logs = append(logs, math.Log(x))
		}
	}
	return logs
}
