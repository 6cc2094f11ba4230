//go:build ci

package agents

const approvedAtOnce = 20

// machineWalks is how many walks the machine goes, and machineSteps how long each is.
const (
	machineWalks = 25
	machineSteps = 40
)
