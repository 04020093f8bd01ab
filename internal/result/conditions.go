package result

// Conditions are those by which figures of two results are not to be compared as they
// are, where they differ (Grave), by the names that Differences gives them; but the
// workload and what is a contestant's own. What a result does not tell is left out.
func (s *Set) Conditions() map[string]string {
	told := map[string]string{}
	add := func(name, value string, w Weight) {
		if w == Grave && value != "" {
			told[name] = value
		}
	}
	for _, c := range conditions {
		if c.name != workload {
			add(c.name, c.of(s), c.weight)
		}
	}
	if s.Storage != nil {
		for _, c := range storageConditions {
			add(c.name, c.of(s.Storage), c.weight)
		}
	}
	for _, of := range []struct {
		kind   string
		values map[string]string
		weight func(string) Weight
	}{
		{"mitigation", mitigationsOf(s), weigher(Grave, nil)},
		{"fact", s.Env.Facts, weigher(Notable, factWeights)},
		{"kernel option", s.Env.KernelConfig, weigher(Grave, nil)},
		{"sysctl", s.Env.Sysctls, weigher(Notable, sysctlWeights)},
	} {
		for name, value := range of.values {
			add(of.kind+" "+name, value, of.weight(name))
		}
	}
	return told
}
