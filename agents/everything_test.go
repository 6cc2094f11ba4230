//go:build ci

package agents

const approvedAtOnce = 20
