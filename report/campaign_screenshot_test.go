package report

import (
	"image"
	imagedraw "image/draw"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pixels visits those of a place.
func pixels(picture image.Image, place image.Rectangle, visit func(r, g, b int)) {
	part := image.NewRGBA(place)
	imagedraw.Draw(part, place, picture, place.Min, imagedraw.Src)
	for i := 0; i < len(part.Pix); i += 4 {
		visit(int(part.Pix[i]), int(part.Pix[i+1]), int(part.Pix[i+2]))
	}
}

// colours counts a picture's colours in a place, and the pixels that are not the
// most frequent one: the background.
func colours(picture image.Image, place image.Rectangle) (distinct, ink int) {
	counts := map[int]int{}
	most := 0
	pixels(picture, place, func(r, g, b int) {
		c := r<<16 | g<<8 | b
		counts[c]++
		most = max(most, counts[c])
	})
	return len(counts), place.Dx()*place.Dy() - most
}

// inked counts the pixels of about a colour.
func inked(picture image.Image, place image.Rectangle, red, green, blue int) (n int) {
	near := func(a, b int) bool { return a-b > -24 && a-b < 24 }
	pixels(picture, place, func(r, g, b int) {
		if near(r, red) && near(g, green) && near(b, blue) {
			n++
		}
	})
	return n
}

// A browser shows every chart, with its lines: looked at in a picture of the
// screen.
func drawsEveryChart(t *testing.T, b *browser) {
	c := readTwo(t, 60)
	page, err := WriteCampaignPage(c)
	require.NoError(t, err)
	b.show(t, page, view{width: 1280})
	places, picture := b.places(t), b.screenshot(t)
	for id, colour := range map[string]int{
		"rate": 6, "latency": 2, "close": 6, "quantiles": 1, "recoveries": 3, "situations": 2, "memory": 1, "descriptors": 0,
		"load-rate": 2, "load-flight": 2, "load-latency": 2,
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
	assert.Greater(t, inked(picture, matrix, 0xc2, 0x4a, 0x00), 100, "cells that were never tested are seen")
	assert.Greater(t, inked(picture, matrix, 0x0b, 0x3d, 0x66), 100, "cells that were tested often are seen")
}

// The test of the charts would see one that did not draw.
func seesABlankChart(t *testing.T, b *browser) {
	page := filepath.Join(t.TempDir(), "blank.html")
	require.NoError(t, os.WriteFile(page, []byte(`<html><title></title><body><figure id="chart-rate"><svg width="700" height="200"></svg></figure></body></html>`), 0o644))
	b.show(t, page, view{width: 1280})
	place := b.places(t)["chart-rate"]
	distinct, ink := colours(b.screenshot(t), place)
	assert.Equal(t, 1, distinct)
	assert.Zero(t, ink)
	assert.Equal(t, 700, place.Dx())
}
