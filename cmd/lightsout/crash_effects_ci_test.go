//go:build ci

package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// effectKinds says what each way in which the roles change the world outside is called where the daemon is killed at it.
var effectKinds = map[string]string{
	"Forge.AddLabels": "issue.label", "Forge.RemoveLabel": "issue.unlabel", "Forge.Comment": "issue.comment", "Forge.EditComment": "comment.edit",
	"Forge.OpenPullRequest": "pull.create", "Forge.EditPullRequest": "pull.edit", "Forge.ConvertToDraft": "pull.draft", "Forge.MarkReady": "pull.ready",
	"Forge.Merge": "pull.merge", "Forge.UpdateBranch": "pull.update-branch", "Forge.Dispatch": "dispatch", "Forge.RerunFailed": "check.rerun",
	"Forge.ReplyToThread": "thread.reply", "Forge.ResolveThread": "thread.resolve", "Forge.Move": "project.move", "Forge.CreateIssue": "issue.create",
	"Forge.CloseTicket": "issue.edit", "Mirror.Push": "push", "Mirror.DeleteRemote": "push",
}

// functions parses the Go files of a package, its tests apart.
func functions(t *testing.T, dir string) (found []*ast.FuncDecl) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(moduleRoot(t), dir, "*.go"))
	must(t, err)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		must(t, err)
		for _, d := range parsed.Decls {
			if f, is := d.(*ast.FuncDecl); is && f.Body != nil {
				found = append(found, f)
			}
		}
	}
	return found
}

// calls are what a function calls, by the last two words of each: "Forge.Merge", "c.mutate", "write".
func calls(f *ast.FuncDecl) (names []string) {
	ast.Inspect(f.Body, func(n ast.Node) bool {
		call, is := n.(*ast.CallExpr)
		if !is {
			return true
		}
		switch fun := call.Fun.(type) {
		case *ast.Ident:
			names = append(names, fun.Name)
		case *ast.SelectorExpr:
			switch on := fun.X.(type) {
			case *ast.SelectorExpr:
				names = append(names, on.Sel.Name+"."+fun.Sel.Name)
			case *ast.Ident:
				names = append(names, on.Name+"."+fun.Sel.Name)
			}
		}
		return true
	})
	return names
}

// writers are the methods of a package that come, by way of others of them, to one of the roots.
func writers(t *testing.T, dir string, roots ...string) (methods []string) {
	t.Helper()
	all := functions(t, dir)
	for grown := true; grown; {
		grown = false
		for _, f := range all {
			if f.Recv == nil || slices.Contains(methods, f.Name.Name) {
				continue
			}
			for _, name := range calls(f) {
				_, method, _ := strings.Cut(name, ".")
				if slices.Contains(roots, name) || slices.Contains(methods, method) {
					methods, grown = append(methods, f.Name.Name), true
					break
				}
			}
		}
	}
	return methods
}

func TestTheDaemonIsKilledAtEveryWayInWhichTheRolesChangeTheWorldOutside(t *testing.T) {
	struck := map[string]bool{} // beside the webhook: TestADaemonKilledAtItsWebhookDeploysOnce
	for _, p := range plights() {
		for _, b := range p.strike {
			struck[b.kind] = true
		}
	}
	github := writers(t, "agents/forge", "write", "writeOnly")
	for _, known := range []string{"Merge", "Comment", "Move", "MarkReady", "Dispatch"} {
		if !slices.Contains(github, known) {
			t.Fatalf("%s is no write of the client: %q", known, github)
		}
	}
	for _, f := range functions(t, "agents") {
		for _, name := range calls(f) {
			on, method, _ := strings.Cut(name, ".")
			changes := on == "Forge" && slices.Contains(github, method) || on == "Mirror" && (method == "Push" || method == "DeleteRemote")
			if kind := effectKinds[name]; changes && (kind == "" || !struck[kind]) {
				t.Errorf("%s calls %s (%q), and no test kills the daemon at it", f.Name.Name, name, kind)
			}
		}
	}
	for name, kind := range effectKinds {
		if !struck[kind] {
			t.Errorf("no test kills the daemon at %s (%s)", kind, name)
		}
	}
}
