package worktree

import "sync"

// memory keeps answers of git about commits that are named in full. Such an answer can never become another one, and
// the roles ask the same of the same open pull requests at every tick.
type memory struct {
	mutex   sync.Mutex
	answers map[string]any
}

// memoryLimit is how many answers are kept, about 200 bytes each; then all are forgotten, and asked again as needed.
const memoryLimit = 4096

// remember returns the answer to a question, from memory or by asking; errors are not kept. Two goroutines that ask at
// the same time may both ask git.
func remember[T any](m *Mirror, question string, ask func() (T, error)) (T, error) {
	m.memory.mutex.Lock()
	known, ok := m.memory.answers[question].(T)
	m.memory.mutex.Unlock()
	if ok {
		return known, nil
	}
	answer, err := ask()
	if err != nil {
		return answer, err
	}
	m.memory.mutex.Lock()
	defer m.memory.mutex.Unlock()
	if m.memory.answers == nil || len(m.memory.answers) >= memoryLimit {
		m.memory.answers = map[string]any{}
	}
	m.memory.answers[question] = answer
	return answer, nil
}
