//go:build ci

package agents

// What costs most is done in full with the build tag ci alone; without it, enough to see it work.
const (
	everything     = true
	approvedAtOnce = 20
	machineWalks   = 25
	machineSteps   = 40
)
