package report

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// browser is a headless Chromium that is spoken to over the DevTools protocol on a
// pipe. chromedp does the same and far more; its generated protocol packages would
// take longer to compile than all of these tests to run.
type browser struct {
	to      *os.File
	from    *bufio.Reader
	process *exec.Cmd
	session string
	id      int
}

// openBrowser starts a Chromium for a test and its subtests, or skips the test.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: no browser is started")
	}
	toRead, toWrite, err := os.Pipe()
	require.NoError(t, err)
	fromRead, fromWrite, err := os.Pipe()
	require.NoError(t, err)
	b := &browser{to: toWrite, from: bufio.NewReader(fromRead)}
	b.process = exec.Command(chromium(t),
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND",
		"--force-color-profile=srgb", "--remote-debugging-pipe", "--user-data-dir="+t.TempDir())
	b.process.ExtraFiles = []*os.File{toRead, fromWrite} // descriptors 3 and 4
	require.NoError(t, b.process.Start())
	require.NoError(t, toRead.Close())
	require.NoError(t, fromWrite.Close())
	stuck := time.AfterFunc(90*time.Second, func() { _ = b.process.Process.Kill() })
	t.Cleanup(func() {
		b.send(t, "Browser.close", nil)
		_ = b.process.Wait()
		stuck.Stop()
		_, _ = toWrite.Close(), fromRead.Close()
	})
	target := b.call(t, "Target.createTarget", map[string]any{"url": "about:blank"})
	attached := b.call(t, "Target.attachToTarget", map[string]any{"targetId": target["targetId"], "flatten": true})
	b.session = attached["sessionId"].(string)
	b.call(t, "Page.enable", nil)
	return b
}

// chromium finds one, or says why a test that looks is left out.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("no chromium on this machine to look at the page with: Debian has it as the package chromium")
	return ""
}

func (b *browser) send(t *testing.T, method string, params map[string]any) {
	t.Helper()
	b.id++
	message := map[string]any{"id": b.id, "method": method, "params": params}
	if b.session != "" && method != "Browser.close" {
		message["sessionId"] = b.session
	}
	body, err := json.Marshal(message)
	require.NoError(t, err)
	_, err = b.to.Write(append(body, 0))
	require.NoError(t, err)
}

type devtoolsMessage struct {
	ID     int            `json:"id"`
	Method string         `json:"method"`
	Result map[string]any `json:"result"`
	Error  struct{ Message string }
}

// next is the next message that is wanted.
func (b *browser) next(t *testing.T, wanted func(devtoolsMessage) bool) devtoolsMessage {
	t.Helper()
	for {
		text, err := b.from.ReadBytes(0)
		require.NoError(t, err, "the browser ended")
		var m devtoolsMessage
		require.NoError(t, json.Unmarshal(bytes.TrimSuffix(text, []byte{0}), &m))
		if wanted(m) {
			return m
		}
	}
}

// call is a method's result.
func (b *browser) call(t *testing.T, method string, params map[string]any) map[string]any {
	t.Helper()
	b.send(t, method, params)
	m := b.next(t, func(m devtoolsMessage) bool { return m.ID == b.id })
	require.Empty(t, m.Error.Message, method)
	return m.Result
}

// view is how a page is looked at.
type view struct {
	width int
	dark  bool
}

func (v view) String() string {
	return fmt.Sprintf("%d-%s", v.width, map[bool]string{true: "dark", false: "light"}[v.dark])
}

// views are a desk's and phones', by day and by night.
var views = []view{{1280, false}, {1280, true}, {390, false}, {390, true}, {360, false}}

// show opens a page in a view.
func (b *browser) show(t *testing.T, page string, v view) {
	t.Helper()
	b.look(t, v)
	path, err := filepath.Abs(page)
	require.NoError(t, err)
	b.send(t, "Page.navigate", map[string]any{"url": (&url.URL{Scheme: "file", Path: path}).String()})
	b.next(t, func(m devtoolsMessage) bool { return m.Method == "Page.loadEventFired" })
}

// look changes the view of the page that is shown.
func (b *browser) look(t *testing.T, v view) {
	t.Helper()
	b.call(t, "Emulation.setDeviceMetricsOverride", map[string]any{"width": v.width, "height": 800, "deviceScaleFactor": 1, "mobile": v.width < 600})
	scheme := map[bool]string{true: "dark", false: "light"}[v.dark]
	b.call(t, "Emulation.setEmulatedMedia", map[string]any{"features": []any{map[string]any{"name": "prefers-color-scheme", "value": scheme}}})
}

// evaluate runs a script in the page and decodes the JSON that it makes.
func (b *browser) evaluate(t *testing.T, script string, into any) {
	t.Helper()
	r := b.call(t, "Runtime.evaluate", map[string]any{"expression": "JSON.stringify(" + script + ")", "returnByValue": true, "awaitPromise": true})
	require.NotContains(t, r, "exceptionDetails", script)
	text, _ := r["result"].(map[string]any)["value"].(string)
	require.NoError(t, json.Unmarshal([]byte(text), into), text)
}

// picture is the whole page as a PNG.
func (b *browser) picture(t *testing.T) []byte {
	t.Helper()
	r := b.call(t, "Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": true})
	body, err := base64.StdEncoding.DecodeString(r["data"].(string))
	require.NoError(t, err)
	return body
}

// screenshot is the same, decoded.
func (b *browser) screenshot(t *testing.T) image.Image {
	t.Helper()
	picture, err := png.Decode(bytes.NewReader(b.picture(t)))
	require.NoError(t, err)
	return picture
}

// places are where the elements with an id are on the page.
func (b *browser) places(t *testing.T) map[string]image.Rectangle {
	t.Helper()
	var all map[string][4]float64
	b.evaluate(t, `Object.fromEntries(Array.from(document.querySelectorAll("[id]")).map(e => {
		const r = (e.querySelector(":scope > svg, :scope > .scroll > svg") || e).getBoundingClientRect();
		return [e.id, [r.left, r.top + scrollY, r.right, r.bottom + scrollY]] }))`, &all)
	out := map[string]image.Rectangle{}
	for id, r := range all {
		out[id] = image.Rect(int(r[0]), int(r[1]), int(r[2]), int(r[3]))
	}
	return out
}

// keep hands a picture to whoever asked for -artifacts.
func keep(t *testing.T, name string, body []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(t.ArtifactDir(), name), body, 0o644))
}
