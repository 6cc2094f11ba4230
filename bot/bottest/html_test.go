package bottest

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestHTMLIsReadIntoTextAndEntities(t *testing.T) {
	for _, c := range []struct {
		in    string
		plain string
		want  []Entity
	}{
		{"plain", "plain", nil},
		{"  trimmed\n", "trimmed", nil},
		{"a &lt;b&gt; &amp; &quot;c&quot; &#33; &#x1F600;", `a <b> & "c" ! 😀`, nil},
		{"<b>bold</b> <i>it</i> <u>un</u> <s>st</s>", "bold it un st", []Entity{
			{Type: "bold", Offset: 0, Length: 4}, {Type: "italic", Offset: 5, Length: 2}, {Type: "underline", Offset: 8, Length: 2}, {Type: "strikethrough", Offset: 11, Length: 2},
		}},
		{"<strong>a</strong><em>b</em><ins>c</ins><strike>d</strike><del>e</del>", "abcde", []Entity{
			{Type: "bold", Length: 1}, {Type: "italic", Offset: 1, Length: 1}, {Type: "underline", Offset: 2, Length: 1},
			{Type: "strikethrough", Offset: 3, Length: 1}, {Type: "strikethrough", Offset: 4, Length: 1},
		}},
		{"😀 <b>x😀</b>", "😀 x😀", []Entity{{Type: "bold", Offset: 3, Length: 3}}},
		{"<b>a<i>b</i></b>", "ab", []Entity{{Type: "bold", Length: 2}, {Type: "italic", Offset: 1, Length: 1}}},
		{"<b><i>same</i></b>", "same", []Entity{{Type: "bold", Length: 4}, {Type: "italic", Length: 4}}},
		{`<a href="https://example.org/?a=1&amp;b=2">link</a>`, "link", []Entity{{Type: "text_link", Length: 4, URL: "https://example.org/?a=1&b=2"}}},
		{`<a href='https://example.org'>link</a>`, "link", []Entity{{Type: "text_link", Length: 4, URL: "https://example.org"}}},
		{"<pre>x &lt; y</pre>", "x < y", []Entity{{Type: "pre", Length: 5}}},
		{`<pre><code class="language-go">f()</code></pre>`, "f()", []Entity{{Type: "pre", Length: 3, Language: "go"}}},
		{"<code>a</code>", "a", []Entity{{Type: "code", Length: 1}}},
		{"<blockquote>a</blockquote>", "a", []Entity{{Type: "blockquote", Length: 1}}},
		{"<blockquote expandable>a</blockquote>", "a", []Entity{{Type: "expandable_blockquote", Length: 1}}},
		{`<blockquote expandable="">a</blockquote>`, "a", []Entity{{Type: "expandable_blockquote", Length: 1}}},
		{`<tg-spoiler>a</tg-spoiler><span class="tg-spoiler">b</span>`, "ab", []Entity{{Type: "spoiler", Length: 1}, {Type: "spoiler", Offset: 1, Length: 1}}},
		{"<B>upper</B>", "upper", []Entity{{Type: "bold", Length: 5}}},
		{"<b></b>empty", "empty", nil},
		{"\n <b>x</b>", "x", []Entity{{Type: "bold", Length: 1}}},
	} {
		plain, entities, warnings, err := parseHTML(c.in)
		if err != nil || plain != c.plain || len(warnings) > 0 {
			t.Errorf("%q: text %q, want %q; error %v, warnings %q", c.in, plain, c.plain, err, warnings)
		}
		if d := cmp.Diff(c.want, entities); d != "" {
			t.Errorf("%q: entities (-want +got):\n%s", c.in, d)
		}
	}
}

func TestHTMLThatTelegramRefusesIsRefusedInItsWords(t *testing.T) {
	for in, want := range map[string]string{
		"a <b>bold":                         `Can't find end tag corresponding to start tag "b"`,
		"a </b>":                            "Unexpected end tag at byte offset 2",
		"<b>a</i>":                          `Unmatched end tag at byte offset 4, expected "</b>", found "</i>"`,
		"<b><i>a</b></i>":                   `Unmatched end tag at byte offset 7, expected "</i>", found "</b>"`,
		"x < y":                             `Unsupported start tag "" at byte offset 2`,
		"x <y":                              "Unclosed start tag at byte offset 2",
		"<br>":                              `Unsupported start tag "br" at byte offset 0`,
		"<p>a</p>":                          `Unsupported start tag "p" at byte offset 0`,
		"é <script>":                        `Unsupported start tag "script" at byte offset 3`,
		`<a href="x>y</a>`:                  "Unclosed start tag at byte offset 0",
		`<a href=x/y>y</a>`:                 "Unexpected end of name token at byte offset 8",
		"<span>a</span>":                    `Tag "span" must have class "tg-spoiler" at byte offset 0`,
		"<b>a</b":                           "Unclosed end tag at byte offset 4",
		"<a =x>y</a>":                       `Empty attribute name in the tag "a" at byte offset 0`,
		"<a href>y</a>":                     `Expected equal sign in declaration of an attribute of the tag "a" at byte offset 0`,
		"if a <nil> { return <-ch }":        `Unsupported start tag "nil" at byte offset 5`,
		"<blockquote expandable":            "Unclosed start tag at byte offset 0",
		"<pre><code class=\"language-go\">": `Can't find end tag corresponding to start tag "code"`,
	} {
		if _, _, _, err := parseHTML(in); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", in, err, want)
		}
	}
}

func TestHTMLThatTelegramForgivesIsNoted(t *testing.T) {
	for in, want := range map[string]string{
		"a & b":                          "unescaped & at byte offset 2",
		"a > b":                          "unescaped > at byte offset 2",
		"a &nbsp; b":                     "unescaped & at byte offset 2",
		"<code>a <b>b</b></code>":        "tag b inside code at byte offset 8",
		"<a href=\"/x\">y</a>":           `link to "/x", which Telegram drops`,
		"<b class=\"x\">y</b>":           "attribute class of tag b at byte offset 0",
		strings.Repeat("<b>x</b>,", 101): "101 entities, Telegram keeps 100",
		"<blockquote>a<blockquote>b</blockquote></blockquote>": "blockquote inside blockquote at byte offset 13",
	} {
		if _, _, warnings, err := parseHTML(in); err != nil || !slices.Contains(warnings, want) {
			t.Errorf("%q: error %v, warnings %q, want %q", in, err, warnings, want)
		}
	}
}

func FuzzParseHTML(f *testing.F) {
	for _, seed := range []string{
		"", "<", "<b", "</", "&", "&#", "&#x;", "a<b>c</b>", `<a href="https://e.org">x</a>`, "<blockquote expandable>x", "<pre><code class='language-go'>x</code></pre>",
		"\xff<b>\xfe</b>", "<b>😀</b> &#0; &#xD800;", "/run@bot <b>/x</b>", "<code>/a https://x.org</code>", "<a href=",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		plain, entities, _, err := parseHTML(in)
		if err != nil || !utf8.ValidString(in) { // a text that is not UTF-8 is refused before
			return
		}
		entities = detect(plain, entities)
		length := len(utf16.Encode([]rune(plain)))
		for i, e := range entities {
			if e.Offset < 0 || e.Length <= 0 || e.end() > length {
				t.Fatalf("%q: entity %+v outside the text of %d", in, e, length)
			}
			for _, o := range entities[:i] {
				if !e.within(o) && !o.within(e) && e.Offset < o.end() {
					t.Fatalf("%q: entities %+v and %+v cross", in, o, e)
				}
			}
		}
		if out := render(plain, entities); strings.Count(out, "<b>") != strings.Count(out, "</b>") || strings.Contains(out, "<script") {
			t.Fatalf("%q is shown as %q", in, out)
		}
	})
}

func TestCommandsMentionsAndAddressesAreDetected(t *testing.T) {
	for in, want := range map[string][]Entity{
		"/approve 42":                 {{Type: "bot_command", Length: 8}},
		"да /approve":                 {{Type: "bot_command", Offset: 3, Length: 8}},
		"😀 /run":                      {{Type: "bot_command", Offset: 3, Length: 4}},
		"/approve@lightsout_bot 42":   {{Type: "bot_command", Length: 22}},
		"/a/b and /usr/bin":           nil,
		"a/run x//run":                nil,
		"</run>":                      nil,
		"ask @ana_ruiz, or a@b.org":   {{Type: "mention", Offset: 4, Length: 9}},
		"see https://e.org/a?b=c.":    {{Type: "url", Offset: 4, Length: 19}},
		"(https://e.org/x) /status\n": {{Type: "url", Offset: 1, Length: 15}, {Type: "bot_command", Offset: 18, Length: 7}},
		"http:// and /":               nil,
	} {
		if d := cmp.Diff(want, detect(in, nil)); d != "" {
			t.Errorf("%q (-want +got):\n%s", in, d)
		}
	}
}

func TestDetectionStaysOutOfCodeAndLinks(t *testing.T) {
	plain, entities, _, err := parseHTML(`<code>/run</code> <a href="https://e.org">https://x.org</a> <b>x /ru</b>n <i>/go</i>`)
	must(t, err)
	var kinds []string
	for _, e := range detect(plain, entities) {
		kinds = append(kinds, e.Type)
	}
	if want := []string{"code", "text_link", "bold", "italic", "bot_command"}; !slices.Equal(kinds, want) {
		t.Errorf("entities %v of %q, want %v", kinds, plain, want)
	}
}

func TestThePageShowsEntitiesAsEscapedHTML(t *testing.T) {
	plain, entities, _, err := parseHTML(`<b>a &lt;script&gt;</b> <a href="https://e.org/?a=1&amp;b='">l</a> <blockquote expandable>q <i>i</i></blockquote>`)
	must(t, err)
	got := render(plain, detect(plain, entities))
	want := `<b>a &lt;script&gt;</b> <a href="https://e.org/?a=1&amp;b=&#39;">l</a> <blockquote data-expandable>q <i>i</i></blockquote>`
	if got != want {
		t.Errorf("shown as\n%s\nwant\n%s", got, want)
	}
}
