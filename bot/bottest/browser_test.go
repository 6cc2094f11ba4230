//go:build ci

package bottest

import (
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/go-telegram/bot/models"

	"lightsout/agents/process"
)

// TestTheChatPageIsDrawnByABrowser looks at the page as headless Chromium paints it, narrow and wide: the bot's white bubble, the
// person's green one with the reaction, the buttons. A script or a style that fails leaves only the frame.
func TestTheChatPageIsDrawnByABrowser(t *testing.T) {
	for name, size := range map[string]struct{ width, height int }{"phone": {420, 900}, "desk": {1200, 800}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, Options{})
			w.send(t, "🟢 <b>#42 ready</b>\n<pre>open 2  ready 1\nnext 02:30</pre>", withKeyboard(models.InlineKeyboardButton{Text: "Approve", CallbackData: "go", Style: "success"}))
			_, err := w.Say(ana, "What is next on the list, and when will it be looked at?")
			must(t, err)
			dir := t.TempDir()
			shot := filepath.Join(dir, "page.png")
			_, err = process.Output(t.Context(), process.Command{
				Args: []string{"chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
					"--disable-component-update", "--disable-sync", "--user-data-dir=" + filepath.Join(dir, "profile"), "--screenshot=" + shot,
					"--window-size=" + strconv.Itoa(size.width) + "," + strconv.Itoa(size.height), w.url + "/"},
				Dir: dir, Env: []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + dir}, Limit: time.Minute,
			})
			must(t, err)
			f, err := os.Open(shot)
			must(t, err)
			defer f.Close()
			picture, err := png.Decode(f)
			must(t, err)
			for what, c := range map[string]struct {
				colour color.RGBA
				least  int
			}{
				"the person's bubble": {color.RGBA{0xe3, 0xfe, 0xcf, 255}, 4000},
				"the button":          {color.RGBA{0x3f, 0xa6, 0x48, 255}, 4000},
				"the tables' ground":  {color.RGBA{0xeb, 0xf4, 0xfd, 255}, 2000},
			} {
				if n := count(picture, c.colour); n < c.least {
					t.Errorf("%s: %d points, want at least %d", what, n, c.least)
				}
			}
		})
	}
}

// count counts the points of about a colour.
func count(picture image.Image, want color.RGBA) int {
	n := 0
	b := picture.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			got := color.RGBAModel.Convert(picture.At(x, y)).(color.RGBA)
			if near(got.R, want.R) && near(got.G, want.G) && near(got.B, want.B) {
				n++
			}
		}
	}
	return n
}

func near(a, b uint8) bool { return max(a, b)-min(a, b) <= 3 }
