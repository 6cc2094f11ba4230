//go:build !ci

package agents

// approvedAtOnce is how many approved pull requests land in a row; with the build tag ci it is twenty. What a landing
// costs grows with how many wait, and so do the seconds of the test with the square.
const approvedAtOnce = 7

// machineWalks is how many walks the machine goes, and machineSteps how long each is.
const (
	machineWalks = 2
	machineSteps = 25
)
