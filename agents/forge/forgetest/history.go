package forgetest

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// commit is one commit as git tells it.
type commit struct {
	sha, tree         string
	parents           []string
	author, committer signature
	authored, made    time.Time
	message           string
}

// change is one file of a diff.
type change struct {
	path, previous, status, blob string
	additions, deletions         int
	patch                        string
}

// commits lists what commits lead to and others, marked ^, do not, newest first. All are full names.
func (g git) commits(limit int, revs ...string) ([]commit, error) {
	args := []string{"log", "--format=%H%x00%T%x00%P%x00%an%x00%ae%x00%at%x00%cn%x00%ce%x00%ct%x00%B%x00"}
	if limit > 0 {
		args = append(args, "--max-count="+strconv.Itoa(limit))
	}
	out, _, err := g.recall(append(append(args, "--end-of-options"), revs...)...)
	if err != nil {
		return nil, fmt.Errorf("list commits: %w", err)
	}
	fields := strings.Split(out, "\x00")
	var list []commit
	for ; len(fields) > 10; fields = fields[10:] {
		c := commit{
			sha: strings.TrimSpace(fields[0]), tree: fields[1], parents: strings.Fields(fields[2]),
			author: signature{fields[3], fields[4]}, committer: signature{fields[6], fields[7]},
			message: strings.TrimRight(fields[9], "\n"),
		}
		if c.authored, err = unixTime(fields[5]); err != nil {
			return nil, err
		}
		if c.made, err = unixTime(fields[8]); err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, nil
}

func unixTime(s string) (time.Time, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("read a commit's date: %w", err)
	}
	return time.Unix(n, 0), nil
}

// commit reads one commit.
func (g git) commit(sha string) (commit, error) {
	list, err := g.commits(1, sha)
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("no commit %s", sha)
	}
	if err != nil {
		return commit{}, err
	}
	return list[0], nil
}

// changes is what head changed since it left base, as the page of a pull request shows it: nothing, where it never left it.
func (g git) changes(base, head string, patches bool) ([]change, error) {
	list, err := g.diff(patches, base+"..."+head)
	if err != nil && g.unrelated(base, head) {
		return nil, nil
	}
	return list, err
}

// diff is what git diff says of revs: a span, or two commits or trees.
func (g git) diff(patches bool, revs ...string) ([]change, error) {
	span := strings.Join(revs, " ")
	out, _, err := g.recall(append([]string{"diff", "--raw", "--numstat", "-z", "--no-abbrev", "-M", "--end-of-options"}, revs...)...)
	if err != nil {
		return nil, fmt.Errorf("diff %s: %w", span, err)
	}
	list, err := parseChanges(out)
	if err != nil || !patches {
		return list, err
	}
	text, _, err := g.recall(append([]string{"diff", "-M", "--no-color", "--no-ext-diff", "--end-of-options"}, revs...)...)
	if err != nil {
		return nil, fmt.Errorf("diff %s: %w", span, err)
	}
	sections := strings.Split("\n"+text, "\ndiff --git ")[1:]
	for i := range list {
		if i < len(sections) {
			if at := strings.Index(sections[i], "\n@@ "); at >= 0 {
				list[i].patch = strings.TrimRight(sections[i][at+1:], "\n")
			}
		}
	}
	return list, nil
}

// statuses are git's letters in GitHub's words.
var statuses = map[byte]string{'A': "added", 'M': "modified", 'D': "removed", 'R': "renamed", 'C': "copied", 'T': "changed"}

// parseChanges reads `git diff --raw --numstat -z`: first all raw entries, then all counts, in the same order.
func parseChanges(out string) ([]change, error) {
	bad := func(what string) ([]change, error) { return nil, fmt.Errorf("read a diff: %s", what) }
	fields := strings.Split(strings.TrimSuffix(out, "\x00"), "\x00")
	if len(fields) == 1 && fields[0] == "" {
		return nil, nil
	}
	next := func() string {
		if len(fields) == 0 {
			return ""
		}
		f := fields[0]
		fields = fields[1:]
		return f
	}
	var list []change
	for len(fields) > 0 && strings.HasPrefix(fields[0], ":") {
		info := strings.Fields(next())
		if len(info) != 5 || statuses[info[4][0]] == "" {
			return bad("unknown entry")
		}
		c := change{status: statuses[info[4][0]], blob: info[3], path: next()}
		if c.status == "removed" {
			c.blob = info[2]
		}
		if c.status == "renamed" || c.status == "copied" {
			c.previous, c.path = c.path, next()
		}
		list = append(list, c)
	}
	for i := range list {
		count := strings.SplitN(next(), "\t", 3)
		if len(count) != 3 {
			return bad("entries without counts")
		}
		if count[2] == "" { // a rename: both names follow
			next()
			next()
		}
		if count[0] == "-" { // binary
			continue
		}
		var err error
		if list[i].additions, err = strconv.Atoi(count[0]); err != nil {
			return bad("a count that is no number")
		}
		if list[i].deletions, err = strconv.Atoi(count[1]); err != nil {
			return bad("a count that is no number")
		}
	}
	return list, nil
}
