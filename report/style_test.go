package report

import (
	"image/color"
	"math"
	"regexp"
	"retain/model"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// schemes are the variables of the style sheet, by scheme.
func schemes(t *testing.T) map[string]map[string]color.RGBA {
	t.Helper()
	light, dark, found := strings.Cut(styleText, "@media (prefers-color-scheme: dark)")
	require.True(t, found)
	dark, _, _ = strings.Cut(dark, "* { box-sizing")
	out := map[string]map[string]color.RGBA{}
	for name, text := range map[string]string{"light": light, "dark": dark} {
		out[name] = map[string]color.RGBA{}
		for _, m := range regexp.MustCompile(`--([\w-]+): #(\w{6});`).FindAllStringSubmatch(text, -1) {
			n, err := strconv.ParseUint(m[2], 16, 32)
			require.NoError(t, err)
			out[name][m[1]] = color.RGBA{uint8(n >> 16), uint8(n >> 8), uint8(n), 0xff}
		}
	}
	assert.Len(t, out["dark"], len(out["light"]), "each variable has a value in both schemes")
	return out
}

// linear are the parts of a colour as light, from 0 to 1 (IEC 61966-2-1).
func linear(c color.RGBA) (out [3]float64) {
	for i, v := range []uint8{c.R, c.G, c.B} {
		x := float64(v) / 255
		if x <= 0.04045 {
			out[i] = x / 12.92
		} else {
			out[i] = math.Pow((x+0.055)/1.055, 2.4)
		}
	}
	return out
}

// contrast is the ratio of WCAG 2.2.
func contrast(a, b color.RGBA) float64 {
	luminance := func(c color.RGBA) float64 { l := linear(c); return 0.2126*l[0] + 0.7152*l[1] + 0.0722*l[2] }
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// WCAG AA: 4.5 for texts (1.4.3), 3 for what must be seen of a drawing (1.4.11).
func TestColoursHaveContrastInLightAndDark(t *testing.T) {
	assert.InDelta(t, 21, contrast(color.RGBA{}, color.RGBA{0xff, 0xff, 0xff, 0xff}), 1e-9)
	for scheme, of := range schemes(t) {
		for _, pair := range []struct {
			on     string
			above  string
			enough float64
		}{
			{"paper", "ink soft link", 4.5}, {"box", "ink soft link", 4.5}, {"mark", "ink", 4.5}, {"op", "ink", 4.5},
			{"pass", "word", 4.5}, {"violation", "word", 4.5}, {"undecided", "word", 4.5}, {"other", "word", 4.5},
			{"few", "few-ink", 4.5}, {"some", "few-ink", 4.5}, {"many", "many-ink", 4.5}, {"most", "many-ink", 4.5},
			{"paper", "edge up c0 c1 c2 c3 c4 c5 c6", 3}, {"box", "edge c0 c1 c3 c6", 3}, {"mark", "ink", 3},
		} {
			on, known := of[pair.on]
			require.True(t, known, pair.on)
			for name := range strings.FieldsSeq(pair.above) {
				c, known := of[name]
				require.True(t, known, name)
				assert.GreaterOrEqual(t, contrast(c, on), pair.enough, "%s on %s, %s", name, pair.on, scheme)
			}
		}
	}
}

// The two kinds of blindness to red and green, as matrices on linear light (Viénot,
// Brettel and Mollon, Digital video colourmaps for checking the legibility of displays by
// dichromats, 1999).
var dichromats = map[string][3][3]float64{
	"protanopia":   {{0.11238, 0.88762, 0}, {0.11238, 0.88762, 0}, {0.00401, -0.00401, 1}},
	"deuteranopia": {{0.29275, 0.70725, 0}, {0.29275, 0.70725, 0}, {-0.02234, 0.02234, 1}},
}

// lab is a linear colour in CIE 1976 L*a*b*, white being D65.
func lab(l [3]float64) [3]float64 {
	f := func(t float64) float64 {
		if t > 216.0/24389 {
			return math.Cbrt(t)
		}
		return t*841/108 + 4.0/29
	}
	x := f((0.4124*l[0] + 0.3576*l[1] + 0.1805*l[2]) / 0.9505)
	y := f(0.2126*l[0] + 0.7152*l[1] + 0.0722*l[2])
	z := f((0.0193*l[0] + 0.1192*l[1] + 0.9505*l[2]) / 1.089)
	return [3]float64{116*y - 16, 500 * (x - y), 200 * (y - z)}
}

func TestFaultColoursDifferForColourBlindReaders(t *testing.T) {
	const apart = 15 // 2.3 is just noticeable
	for scheme, of := range schemes(t) {
		for kind, m := range dichromats {
			seen := func(name string) [3]float64 {
				l := linear(of[name])
				var out [3]float64
				for i := range out {
					out[i] = m[i][0]*l[0] + m[i][1]*l[1] + m[i][2]*l[2]
				}
				return lab(out)
			}
			for _, pair := range [][2]string{{"c0", "c1"}, {"c0", "c3"}, {"c1", "c3"}, {"up", "c1"}, {"gone", "spawned"}, {"spawned", "port"}, {"port", "health"}} {
				a, b := seen(pair[0]), seen(pair[1])
				d := math.Sqrt((a[0]-b[0])*(a[0]-b[0]) + (a[1]-b[1])*(a[1]-b[1]) + (a[2]-b[2])*(a[2]-b[2]))
				assert.Greater(t, d, float64(apart), "%v, %s, %s", pair, kind, scheme)
			}
		}
	}
	forms := map[string]bool{}
	for _, kind := range []model.FaultKind{"kill", "stop", "pause", "start", "another"} {
		forms[glyphOf(kind)] = true
	}
	assert.Len(t, forms, 5, "and each has its form")
}

// The charts' colours are the style sheet's, so that they can be replaced by its
// variables.
func TestChartsHaveTheColoursOfTheStyleSheet(t *testing.T) {
	light := schemes(t)["light"]
	for i, c := range palette {
		assert.Equal(t, light["c"+strconv.Itoa(i)], c)
	}
	assert.Equal(t, light["rule"], gridColour)
	page := writtenCampaign(t, readTwo(t, 20))
	_, body, _ := strings.Cut(page, "</style>")
	assert.Empty(t, regexp.MustCompile(`#[0-9A-Fa-f]{6}\b`).FindAllString(body, -1), "a colour that no scheme changes")
	contains(t, body, "stroke:var(--c6)")
}
