package proof

import (
	"path"
	"slices"
	"strings"
)

// Names of files and folders that say how work is judged, what runs on people's and servers' machines by itself, or what
// coding CLIs obey. A change to one of them is for a person to make.
var (
	protectedDirs = words(".github .gitlab .circleci .buildkite .ci .husky .githooks .git .claude .codex .gemini .cursor .qwen .opencode .pi .lightsout")
	// What services and tools look for in the root of a repository, or of a package that is worked on: among data for tests it is data.
	harmlessData = words(`.github .gitlab .circleci .buildkite .ci .husky codeowners .gitlab-ci.yml .travis.yml .drone.yml .woodpecker.yml
		jenkinsfile azure-pipelines.yml bitbucket-pipelines.yml appveyor.yml .appveyor.yml cloudbuild.yaml .pre-commit-config.yaml`)
	// In the root of the repository alone: a folder of this name further down may well be code.
	protectedRoots = words("ci")
	protectedFiles = words(`CODEOWNERS .gitmodules .gitattributes .gitconfig .gitlab-ci.yml .travis.yml .drone.yml .woodpecker.yml
		Jenkinsfile azure-pipelines.yml bitbucket-pipelines.yml appveyor.yml .appveyor.yml cloudbuild.yaml
		.pre-commit-config.yaml lefthook.yml lefthook.yaml .lefthook.yml .overcommit.yml
		AGENTS.md AGENT.md CLAUDE.md GEMINI.md QWEN.md CONVENTIONS.md copilot-instructions.md
		pre-commit commit-msg prepare-commit-msg pre-push post-checkout post-commit post-merge pre-receive post-receive
		.cursorrules .windsurfrules .clinerules .mcp.json .aider.conf.yml .envrc .npmrc .yarnrc.yml .pypirc`)
)

// judgeProtected refuses changes to protected paths, submodules, and links that lead out of the tree.
func judgeProtected(c *change) []Refusal {
	var all []Refusal
	for _, f := range c.files {
		if f.mode == modeSubmodule {
			all = append(all, Refusal{File: f.path, Detail: "a submodule is another repository's code: a person has to change it"})
			continue
		}
		for _, p := range []string{f.before(), f.after()} {
			if p != "" && isProtected(p, c.protected) {
				all = append(all, Refusal{File: p, Detail: "this path is protected (how work is checked, or what runs by itself): a person has to change it"})
				break
			}
		}
		if f.mode == modeLink && !f.deleted() {
			if target := string(c.head(f.path)); escapes(f.path, target) {
				all = append(all, Refusal{File: f.path, Detail: "a link that leads out of the repository: to " + clip(target, 100)})
			}
		}
	}
	return all
}

// isProtected reports whether the path is one of the usual protected ones or matches a pattern. Case does not count: some
// file systems do not keep it.
func isProtected(p string, patterns []string) bool {
	parts := strings.Split(strings.ToLower(p), "/")
	for i, part := range parts {
		if i < len(parts)-1 && (protectedDirs[part] && !(harmlessData[part] && isData(parts[:i])) && !isReading(p, parts[i:]) || i == 0 && protectedRoots[part]) {
			return true
		}
	}
	for name := range protectedFiles {
		if strings.EqualFold(name, path.Base(p)) && !(harmlessData[parts[len(parts)-1]] && isData(parts[:len(parts)-1])) {
			return true
		}
	}
	for _, pattern := range patterns {
		if dir, ok := strings.CutSuffix(pattern, "/"); ok && strings.HasPrefix(p, dir+"/") || matchesAbove(pattern, p) {
			return true
		}
	}
	return false
}

// isData reports whether a folder holds data for tests: nothing looks there for how to work.
func isData(folders []string) bool {
	return slices.ContainsFunc(folders, func(name string) bool { return name == "testdata" || name == "fixtures" })
}

// isReading reports whether a path from .github on is a document in a folder of documents: nothing there is obeyed by a service or run.
func isReading(p string, parts []string) bool {
	return len(parts) > 2 && parts[0] == ".github" && (parts[1] == "docs" || parts[1] == "doc") && isDocument(p) && path.Ext(p) != ".yaml" && path.Ext(p) != ".yml"
}

// escapes reports whether a link at p with that target leaves the repository.
func escapes(p, target string) bool {
	if strings.HasPrefix(target, "/") {
		return true
	}
	to := path.Join(path.Dir(p), target)
	return to == ".." || strings.HasPrefix(to, "../") || to == ".git" || strings.HasPrefix(to, ".git/")
}

// Protected returns those of a change's files whose paths are protected, by the usual names or by more patterns: an approval of
// them deserves a second look.
func Protected(files []string, patterns ...string) []string {
	var out []string
	for _, f := range files {
		if isProtected(f, patterns) {
			out = append(out, f)
		}
	}
	return out
}
