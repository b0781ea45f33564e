package report

import (
	"context"
	"fmt"
	"image"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/campaign"
)

// browser finds a Chromium, or says why a test that looks is left out.
func browser(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("no chromium on this machine to look at the page with: Debian has it as the package chromium")
	return ""
}

// headless runs a Chromium on a page, without its window.
func headless(t *testing.T, page string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	all := append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run", "--virtual-time-budget=10000",
		"--host-resolver-rules=MAP * ~NOTFOUND", "--user-data-dir=" + t.TempDir(),
	}, append(args, "file://"+page)...)
	c := exec.CommandContext(ctx, browser(t), all...)
	c.WaitDelay = 5 * time.Second
	var errors strings.Builder
	c.Stderr = &errors
	out, err := c.Output()
	require.NoError(t, err, errors.String())
	return string(out)
}

// sight is how large a screenshot is.
const sightWidth, sightHeight = 1280, 9000

func screenshot(t *testing.T, page, file string) image.Image {
	t.Helper()
	headless(t, page, fmt.Sprintf("--window-size=%d,%d", sightWidth, sightHeight), "--screenshot="+file)
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	picture, err := png.Decode(f)
	require.NoError(t, err)
	return picture
}

// measured adds a script to a copy of the page, which tells where its elements
// are, and returns their places.
func measured(t *testing.T, page string) map[string]image.Rectangle {
	t.Helper()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	const script = `<script>document.title = Array.from(document.querySelectorAll("[id]")).map(e => {
		const r = (e.querySelector(":scope > svg") || e).getBoundingClientRect();
		return [e.id, r.left, r.top, r.right, r.bottom].map(String).join(",") }).join(";");</script></body>`
	copied := filepath.Join(t.TempDir(), "measured.html")
	require.NoError(t, os.WriteFile(copied, []byte(strings.Replace(string(text), "</body>", script, 1)), 0o644))
	dom := headless(t, copied, fmt.Sprintf("--window-size=%d,%d", sightWidth, sightHeight), "--dump-dom")
	title := regexp.MustCompile(`<title>([^<]*)</title>`).FindStringSubmatch(dom)
	require.NotNil(t, title)
	places := map[string]image.Rectangle{}
	for element := range strings.SplitSeq(title[1], ";") {
		parts := strings.Split(element, ",")
		require.Len(t, parts, 5, element)
		var n [4]int
		for i := range n {
			x, err := strconv.ParseFloat(parts[i+1], 64)
			require.NoError(t, err)
			n[i] = int(x)
		}
		places[parts[0]] = image.Rect(n[0], n[1], n[2], n[3])
	}
	return places
}

// colours counts a picture's colours in a place, and the pixels that are not the
// most frequent one: the background.
func colours(picture image.Image, place image.Rectangle) (distinct, ink int) {
	counts := map[[3]uint32]int{}
	most := 0
	for y := place.Min.Y; y < place.Max.Y; y++ {
		for x := place.Min.X; x < place.Max.X; x++ {
			r, g, b, _ := picture.At(x, y).RGBA()
			c := [3]uint32{r >> 8, g >> 8, b >> 8}
			counts[c]++
			most = max(most, counts[c])
		}
	}
	return len(counts), place.Dx()*place.Dy() - most
}

// inked counts the pixels of about a colour.
func inked(picture image.Image, place image.Rectangle, red, green, blue int) (n int) {
	near := func(a uint32, b int) bool { d := int(a>>8) - b; return d > -24 && d < 24 }
	for y := place.Min.Y; y < place.Max.Y; y++ {
		for x := place.Min.X; x < place.Max.X; x++ {
			if r, g, b, _ := picture.At(x, y).RGBA(); near(r, red) && near(g, green) && near(b, blue) {
				n++
			}
		}
	}
	return n
}

// A browser shows every chart, with its lines: looked at in a picture of the
// screen.
func TestABrowserDrawsEveryChart(t *testing.T) {
	browser(t)
	if testing.Short() {
		t.Skip("-short: a browser is not started")
	}
	dir := t.TempDir()
	t.Chdir(dir)
	twoShards(t, "campaign", 200)
	c, err := campaign.Read("campaign")
	require.NoError(t, err)
	page, err := WriteCampaignPage(c)
	require.NoError(t, err)
	page = filepath.Join(dir, page)
	places := measured(t, page)
	picture := screenshot(t, page, filepath.Join(dir, "campaign.png"))
	keepPicture(t, filepath.Join(dir, "campaign.png"), "campaign.png")
	for id, colour := range map[string]int{
		"rate": 0, "latency": 2, "close": 0, "quantiles": 1, "recoveries": 3, "cells": 2, "memory": 1, "descriptors": 0,
	} {
		place, there := places["chart-"+id]
		require.True(t, there, "chart %s is not on the page", id)
		require.True(t, place.In(picture.Bounds()), "chart %s is at %v, outside the picture", id, place)
		assert.Greater(t, place.Dx(), 600, id)
		assert.Greater(t, place.Dy(), 150, id)
		distinct, ink := colours(picture, place)
		assert.Greater(t, distinct, 30, "chart %s is blank", id)
		assert.Greater(t, ink, 2000, "chart %s is blank", id)
		rgb := colourOf(colour)
		assert.Greater(t, inked(picture, place, int(rgb.R), int(rgb.G), int(rgb.B)), 100, "chart %s has no line", id)
	}
	matrix := places["matrix"]
	assert.Greater(t, inked(picture, matrix, 0xf9, 0x70, 0x66), 100, "cells that were never tested are seen")
	assert.Greater(t, inked(picture, matrix, 0x17, 0x5c, 0xd3), 100, "cells that were tested often are seen")
}

// The test of the charts would see one that did not draw.
func TestABlankChartIsSeen(t *testing.T) {
	browser(t)
	if testing.Short() {
		t.Skip("-short: a browser is not started")
	}
	page := filepath.Join(t.TempDir(), "blank.html")
	require.NoError(t, os.WriteFile(page, []byte(`<html><title></title><body><figure id="chart-rate"><svg width="700" height="200"></svg></figure></body></html>`), 0o644))
	places := measured(t, page)
	distinct, ink := colours(screenshot(t, page, filepath.Join(t.TempDir(), "blank.png")), places["chart-rate"])
	assert.Equal(t, 1, distinct)
	assert.Zero(t, ink)
	assert.Equal(t, 700, places["chart-rate"].Dx())
}

// keepPicture hands a picture to whoever asked for -artifacts.
func keepPicture(t *testing.T, path, name string) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(t.ArtifactDir(), name), text, 0o644))
}
