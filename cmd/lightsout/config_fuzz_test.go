package main

import (
	"regexp"
	"strings"
	"testing"
)

var faultLine = regexp.MustCompile(`^f\.toml(:\d+)?(: .+){2,}$`)

func FuzzDecodingTellsEveryFaultByItsLine(f *testing.F) {
	for _, seed := range []string{minimal, "", "a", "[[github]]\n", "engines = {a = {kind = 1}}\n", "[engines.\"a.b\"]\nkind=\"x\"\n", "limits.rounds = 0x\n", "[schedule]\nfixer=\"TZ=0\"\n",
		"\xef\xbb\xbfrepository = 1\n", "github.token.file = \"x\"\n[github.columns]\n\"\" = \"\"\n", "state = \"\\u0000\"\n", "[containment]\nwritable=[\"/\"]\n", "''.''=1\n", "repository = '''\n\n'''\n", "[a]\n[a.b]\n[a]\n",
		"[github]\nrest_url = \"http://[::1]:x/\"\n", "limits = []\n", "test = [1,[2],{a=3}]\n", "limits.session = 1979-05-27\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, d := parseConfig("f.toml", text)
		err := d.err()
		if err == nil && (!repositoryName.MatchString(c.Repository) || c.Limits.Rounds < 1 || c.State == "" || c.GitHub.GitURL == "") {
			t.Errorf("accepted: %+v", c)
		}
		for _, fault := range d.faults {
			if fault.line < 0 || fault.line > d.end {
				t.Errorf("%v: there are %d lines", fault, d.end-1)
			}
			if !d.broken && (fault.line == 0 || fault.key == "") {
				t.Errorf("%v: says not where", fault)
			}
			if !faultLine.MatchString(strings.NewReplacer("\n", " ", "\r", " ").Replace(fault.Error())) {
				t.Errorf("%q is not in the form of a fault", fault.Error())
			}
		}
		if _, again := parseConfig("f.toml", text); err != nil && again.err().Error() != err.Error() {
			t.Errorf("two readings: %v; %v", err, again.err())
		}
	})
}
