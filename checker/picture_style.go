package checker

import (
	"bytes"
	"errors"
)

// pictureStyle is added to porcupine's page: the drawing scrolls in its own box, so
// that the legend stays and a phone's window isn't stretched; it follows the window's
// colour scheme; and what is invalid differs from what is valid in more than red.
const pictureStyle = `<style>
:root { color-scheme: light dark; }
body { margin: 8px; text-size-adjust: 100%; -webkit-text-size-adjust: 100%; }
#legend { position: static; padding: 2px; }
#legend svg { max-width: 94%; height: auto; overflow: visible; }
#legend rect:last-of-type { fill: #c24a00; }
#canvas { margin-top: 8px; overflow-x: auto; max-width: 100%; }
.linearization-invalid { stroke: #c24a00; stroke-dasharray: 5 3; }
@media (prefers-color-scheme: dark) {
  body { background: #12161b; color: #e6e9ee; }
  text { fill: #e6e9ee; }
  .history-text { fill: #12161b; }
  .history-rect { fill: #8fd0f5; }
  .link { fill: #7cc0ff; }
  #legend { background: #12161b; }
  #legend line { stroke: #e6e9ee; }
  #legend polygon { fill: #e6e9ee; }
  #legend rect:first-of-type { fill: #cfd6de; }
  #legend rect:last-of-type { fill: #ff8a3d; }
  .linearization { stroke: #cfd6de; }
  .linearization-invalid { stroke: #ff8a3d; }
  .divider { stroke: #3a434f; }
  .tooltip { background: #1d232b; border-color: #8a94a3; }
}
</style>
`

// restyled is porcupine's page with [pictureStyle].
func restyled(page []byte) ([]byte, error) {
	head, rest, found := bytes.Cut(page, []byte("</head>"))
	if !found {
		return nil, errors.New("porcupine's page has no head to put a style into")
	}
	return bytes.Join([][]byte{head, []byte(pictureStyle), []byte("</head>"), rest}, nil), nil
}
