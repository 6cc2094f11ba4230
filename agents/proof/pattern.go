package proof

import (
	"regexp"
	"sync"
)

// A pattern is a regular expression that is compiled when it is first used. There are many, and a
// daemon that rests most of the day has no use for them at its start.
type pattern struct{ get func() *regexp.Regexp }

// lazily makes a pattern. One that does not compile panics at its first use; every pattern is used by a test.
func lazily(expression string) *pattern {
	return &pattern{sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })}
}

func (p *pattern) Match(b []byte) bool                        { return p.get().Match(b) }
func (p *pattern) MatchString(b string) bool                  { return p.get().MatchString(b) }
func (p *pattern) FindStringSubmatch(b string) []string       { return p.get().FindStringSubmatch(b) }
func (p *pattern) FindSubmatch(b []byte) [][]byte             { return p.get().FindSubmatch(b) }
func (p *pattern) FindAllSubmatch(b []byte, n int) [][][]byte { return p.get().FindAllSubmatch(b, n) }
func (p *pattern) FindString(b string) string                 { return p.get().FindString(b) }
func (p *pattern) FindStringIndex(b string) []int             { return p.get().FindStringIndex(b) }
func (p *pattern) FindAllString(b string, n int) []string     { return p.get().FindAllString(b, n) }
func (p *pattern) FindAllStringIndex(b string, n int) [][]int {
	return p.get().FindAllStringIndex(b, n)
}
func (p *pattern) FindAllStringSubmatch(b string, n int) [][]string {
	return p.get().FindAllStringSubmatch(b, n)
}
func (p *pattern) FindAllStringSubmatchIndex(b string, n int) [][]int {
	return p.get().FindAllStringSubmatchIndex(b, n)
}
func (p *pattern) ReplaceAllString(a, b string) string { return p.get().ReplaceAllString(a, b) }
func (p *pattern) ReplaceAllStringFunc(a string, f func(string) string) string {
	return p.get().ReplaceAllStringFunc(a, f)
}
func quoteMeta(s string) string { return regexp.QuoteMeta(s) }
