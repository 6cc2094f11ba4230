//go:build !ci

package agents

// What costs most is done in full with the build tag ci alone; without it, enough to see it work.
const (
	everything     = false
	approvedAtOnce = 4 // pull requests that land in a row; what a landing costs grows with how many wait
	machineWalks   = 1
	machineSteps   = 15
)
