package simulated

import "strings"

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// invocationID makes an id in the form of the server's: the same for the same
// text.
func invocationID(of string) string {
	var b strings.Builder
	b.WriteString("inv_1")
	h := hash(of)
	for range 3 {
		h = mix(h)
		for n, rest := 0, h; n < 11; n++ {
			b.WriteByte(base62[rest%62])
			rest /= 62
		}
	}
	return b.String()
}

func hash(text string) uint64 {
	h := uint64(len(text))
	for i := range len(text) {
		h = mix(h ^ uint64(text[i]))
	}
	return h
}
