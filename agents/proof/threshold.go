package proof

import (
	"fmt"
	"strconv"
	"strings"
)

// PolicyThreshold: a number that the tests or their coverage have to reach is lower than before.
const PolicyThreshold = "threshold-lowered"

var (
	least = lazily(`(?i)["']?\b(fail[_-]under|min[_-]?coverage|coverage[_-]?threshold|covermin|branches|functions|statements|lines)\b["']?\s*[:=]\s*["']?(\d+(?:\.\d+)?)`)
	most  = lazily(`(?i)["']?(max[_-]?warnings)["']?\s*[:= ]\s*["']?(\d+(?:\.\d+)?)`)
)

// judgeThresholds refuses lower bars in files of configuration.
func judgeThresholds(c *change) []Refusal {
	var all []Refusal
	for _, f := range c.files {
		if isTest(f.path) || isDocument(f.path) || language(f.path) != "" && language(f.path) != "javascript" && language(f.path) != "shell" {
			continue
		}
		for _, bar := range []struct {
			form *pattern
			sign float64
		}{{least, 1}, {most, -1}} {
			before := map[string]float64{}
			for _, l := range f.removed {
				if m := bar.form.FindStringSubmatch(l.text); m != nil {
					before[strings.ToLower(m[1])], _ = strconv.ParseFloat(m[2], 64)
				}
			}
			for _, l := range f.added {
				m := bar.form.FindStringSubmatch(l.text)
				if m == nil {
					continue
				}
				was, had := before[strings.ToLower(m[1])]
				if is, err := strconv.ParseFloat(m[2], 64); had && err == nil && is*bar.sign < was*bar.sign {
					all = append(all, Refusal{File: f.path, Line: l.number, Detail: fmt.Sprintf("%s goes from %g to %g", m[1], was, is)})
				}
			}
		}
	}
	return all
}
