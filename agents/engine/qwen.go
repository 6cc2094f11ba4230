package engine

import (
	_ "embed"
	"time"
)

//go:embed quiet/qwen.json
var quietQwen string

// qwen is Qwen Code: it speaks as claude does, but counts what was cached as
// input too, tells no cost, and has said success and exited 0 on a refused key.
//
// It asks a provider that refuses it seven times, for more than a minute, and says
// so only when it gives up: nothing caps that. Its telemetry would tell of each
// call, on standard error too, but prints metrics every ten seconds beside: a qwen
// that hangs would never be silent.
type qwen struct{}

func (qwen) program() string { return "qwen" }

func (qwen) args(c Config) []string {
	args := []string{"--output-format", "stream-json", "--yolo"}
	if c.Env["OPENAI_API_KEY"] != "" {
		args = append(args, "--auth-type", "openai")
	}
	if c.Model != "" {
		args = append(args, "-m", c.Model)
	}
	return args
}

func (qwen) last() []string { return nil }

func (qwen) env(Config, Session) []string {
	return []string{"QWEN_CODE_SUPPRESS_YOLO_WARNING=1", "QWEN_CODE_NO_RELAUNCH=true"}
}

func (qwen) files(Config) map[string]string {
	return map[string]string{".qwen/settings.json": quietQwen}
}

func (qwen) reader(now func() time.Time) sessionReader {
	return &claudeReader{now: now, inclusive: true, other: tail{most: maxWords}}
}
