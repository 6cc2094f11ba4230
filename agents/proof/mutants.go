package proof

import (
	"bytes"
	"go/ast"
	"go/token"
	"strconv"
	"strings"
)

// opposite are operators and what stands in their place in a fault.
var opposite = map[token.Token]token.Token{
	token.EQL: token.NEQ, token.NEQ: token.EQL, token.LSS: token.GEQ, token.GEQ: token.LSS, token.GTR: token.LEQ, token.LEQ: token.GTR,
	token.LAND: token.LOR, token.LOR: token.LAND, token.ADD: token.SUB, token.SUB: token.ADD, token.MUL: token.QUO, token.QUO: token.MUL,
}

// goMutants are faults in the changed lines of a Go file: another operator, another constant, a condition turned round, a statement less.
func goMutants(src []byte, f *file) []mutant {
	parsed, ok := parseGo(src)
	if !ok {
		return nil
	}
	changed := map[int]bool{}
	for _, l := range f.added {
		changed[l.number] = true
	}
	var all []mutant
	replace := func(from, to token.Pos, with, fault string) {
		start, end := parsed.set.Position(from), parsed.set.Position(to)
		if !changed[start.Line] || start.Offset > end.Offset || end.Offset > len(src) {
			return
		}
		was := clip(string(src[start.Offset:end.Offset]), 60)
		if fault == "" {
			fault = "`" + was + "` made `" + clip(with, 60) + "`"
		} else {
			fault = "`" + was + "` " + fault
		}
		content := bytes.Join([][]byte{src[:start.Offset], []byte(with), src[end.Offset:]}, nil)
		all = append(all, mutant{file: f.path, line: start.Line, fault: fault, content: content})
	}
	for _, fn := range parsed.funcs {
		if fn.node.Body == nil {
			continue
		}
		ast.Inspect(fn.node.Body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BinaryExpr:
				if other, ok := opposite[n.Op]; ok && !joinsText(n) {
					start, end := parsed.set.Position(n.Pos()).Offset, parsed.set.Position(n.End()).Offset
					left := string(src[start:parsed.set.Position(n.X.End()).Offset])
					right := string(src[parsed.set.Position(n.Y.Pos()).Offset:end])
					replace(n.Pos(), n.End(), left+" "+other.String()+" "+right, "")
				}
			case *ast.IfStmt:
				cond := string(src[parsed.set.Position(n.Cond.Pos()).Offset:parsed.set.Position(n.Cond.End()).Offset])
				replace(n.Cond.Pos(), n.Cond.End(), "!("+cond+")", "turned round")
			case *ast.BasicLit:
				if with, ok := otherLiteral(n.Kind, n.Value); ok {
					replace(n.Pos(), n.End(), with, "")
				}
			case *ast.Ident:
				switch n.Name {
				case "true":
					replace(n.Pos(), n.End(), "false", "")
				case "false":
					replace(n.Pos(), n.End(), "true", "")
				}
			case *ast.ExprStmt, *ast.IncDecStmt, *ast.SendStmt, *ast.DeferStmt, *ast.GoStmt:
				replace(n.Pos(), n.End(), "", "left out")
			case *ast.AssignStmt:
				if n.Tok != token.DEFINE {
					replace(n.Pos(), n.End(), "", "left out")
				}
			}
			return true
		})
	}
	return all
}

// joinsText reports whether an operator may put texts together, where the opposite would be no program.
func joinsText(n *ast.BinaryExpr) bool {
	text := false
	ast.Inspect(n, func(n ast.Node) bool {
		if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
			text = true
		}
		return !text
	})
	return n.Op == token.ADD && text
}

// otherLiteral is another constant of the same kind.
func otherLiteral(kind token.Token, value string) (string, bool) {
	switch kind {
	case token.INT:
		if n, err := strconv.ParseInt(value, 0, 64); err == nil {
			return strconv.FormatInt(n+1, 10), true
		}
	case token.STRING:
		if value == `""` || value == "``" {
			return `"fault"`, true
		}
		return `""`, true
	}
	return "", false
}

// swaps are faults in lines of languages that are not parsed here.
var swaps = []struct {
	form *pattern
	with string
}{
	{lazily(`([^=!<>])===([^=])`), "$1!==$2"},
	{lazily(`!==`), "==="},
	{lazily(`([^=!<>])==([^=])`), "$1!=$2"},
	{lazily(`!=([^=])`), "==$1"},
	{lazily(` < `), " >= "},
	{lazily(` > `), " <= "},
	{lazily(` <= `), " > "},
	{lazily(` >= `), " < "},
	{lazily(`&&`), "||"},
	{lazily(`\|\|`), "&&"},
	{lazily(`\band\b`), "or"},
	{lazily(`\bor\b`), "and"},
	{lazily(`\bnot `), ""},
	{lazily(`\btrue\b`), "false"},
	{lazily(`\bfalse\b`), "true"},
	{lazily(`\bTrue\b`), "False"},
	{lazily(`\bFalse\b`), "True"},
	{lazily(` \+ `), " - "},
	{lazily(` - `), " + "},
	{lazily(` \* `), " + "},
}

var wholeNumber = lazily(`\b\d{1,9}\b`)

// lineMutants are faults in changed lines, by their words alone.
func lineMutants(src []byte, f *file) []mutant {
	lines := strings.SplitAfter(string(src), "\n")
	var all []mutant
	add := func(number int, was, is string) {
		changed := append([]string{}, lines...)
		changed[number-1] = is
		all = append(all, mutant{file: f.path, line: number, fault: "`" + clip(was, 80) + "` made `" + clip(is, 80) + "`", content: []byte(strings.Join(changed, ""))})
	}
	comment := lineComment[language(f.path)]
	for _, l := range f.added {
		if l.number > len(lines) || comment != nil && comment.MatchString(l.text) {
			continue
		}
		was := lines[l.number-1]
		for _, s := range swaps {
			if at := s.form.FindStringIndex(was); at != nil {
				add(l.number, was, was[:at[0]]+s.form.ReplaceAllString(was[at[0]:at[1]], s.with)+was[at[1]:])
			}
		}
		if at := wholeNumber.FindStringIndex(was); at != nil {
			if n, err := strconv.Atoi(was[at[0]:at[1]]); err == nil {
				add(l.number, was, was[:at[0]]+strconv.Itoa(n+1)+was[at[1]:])
			}
		}
	}
	return all
}
