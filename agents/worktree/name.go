package worktree

import (
	"fmt"
	"strconv"
	"strings"
)

// branchPrefix begins every branch that is ours to write.
const branchPrefix = "lightsout/"

// maxSlug is the most bytes of a title that go into a branch name: long enough to tell, short enough for a chat line.
const maxSlug = 40

// Slug makes a title fit for a branch or a folder: lower case, runs of anything but [a-z0-9] become one dash, at most
// 40 bytes cut at a dash. It is empty when the title holds no such character.
func Slug(title string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(title) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	s := strings.TrimRight(b.String(), "-")
	if len(s) <= maxSlug {
		return s
	}
	if s[maxSlug] != '-' {
		if cut := strings.LastIndexByte(s[:maxSlug], '-'); cut > 0 {
			return s[:cut]
		}
	}
	return s[:maxSlug]
}

// Branch names the branch of a ticket at its first claim: lightsout/<number>-<slug>. Later, ask FindBranch: a title may change.
func Branch(number int, title string) string {
	slug := Slug(title)
	if slug == "" {
		slug = "ticket"
	}
	return ticketPrefix(number) + slug
}

func ticketPrefix(number int) string { return branchPrefix + strconv.Itoa(number) + "-" }

// Ours says whether a branch is ours to push, to force and to delete: lightsout/<number>-<anything>.
func Ours(branch string) bool {
	rest, ok := strings.CutPrefix(branch, branchPrefix)
	if !ok || !validBranch(branch) {
		return false
	}
	number, slug, ok := strings.Cut(rest, "-")
	_, err := strconv.ParseUint(number, 10, 32)
	return ok && err == nil && slug != ""
}

// validBranch holds names to a strict part of what git allows, so that they are safe as arguments and as paths.
func validBranch(branch string) bool {
	if branch == "" || len(branch) > 200 || strings.HasSuffix(branch, ".lock") || strings.Contains(branch, "..") || strings.Contains(branch, "@{") {
		return false
	}
	for part := range strings.SplitSeq(branch, "/") {
		if part == "" || part[0] == '.' || part[0] == '-' || part[len(part)-1] == '.' || strings.HasSuffix(part, ".lock") {
			return false
		}
	}
	return !strings.ContainsFunc(branch, func(r rune) bool {
		return r <= ' ' || r == 0x7f || strings.ContainsRune(`~^:?*[\`, r)
	})
}

func checkBranch(branch string) error {
	if !validBranch(branch) {
		return fmt.Errorf("branch %q: not a name we write", branch)
	}
	return nil
}

// isSHA says whether s is the full name of an object.
func isSHA(s string) bool {
	return len(s) == 40 && strings.Trim(s, "0123456789abcdef") == ""
}
