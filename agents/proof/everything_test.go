//go:build ci

package proof

// everything says whether the whole corpus is run, each change of it through all runs.
const everything = true
