package process

import (
	"bytes"
)

// capture keeps what is written to it, up to most bytes; the first byte beyond
// calls full and fails the write, which closes the pipe to the writer.
type capture struct {
	buf  bytes.Buffer
	most int64
	full func()
}

func (c *capture) Write(p []byte) (int, error) {
	if int64(c.buf.Len())+int64(len(p)) > c.most {
		c.full()
		return 0, ErrOutputLimit
	}
	return c.buf.Write(p)
}

// tail keeps the last most bytes written to it.
type tail struct {
	buf  []byte
	most int
}

func (t *tail) Write(p []byte) (int, error) {
	t.buf = append(t.buf, p[max(0, len(p)-t.most):]...)
	if over := len(t.buf) - t.most; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(p), nil
}

// String is the text kept, whole characters only.
func (t *tail) String() string { return string(bytes.ToValidUTF8(t.buf, nil)) }
