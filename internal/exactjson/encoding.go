package exactjson

import (
	"bytes"
	"errors"
)

// Sniff reports, by the first bytes of a file, what a file is that holds no JSON text in
// UTF-8, and how to make one of it.
func Sniff(head []byte) error {
	begins := func(with string) bool { return bytes.HasPrefix(head, []byte(with)) }
	zero := bytes.IndexByte(head, 0)
	switch {
	case begins("\xef\xbb\xbf"):
		return errors.New(`it begins with a byte order mark: save it as UTF-8 without one (sed -i '1s/^\xef\xbb\xbf//' FILE)`)
	case begins("\xff\xfe\x00\x00"), begins("\x00\x00\xfe\xff"), len(head) > 3 && isWide(head[:4]):
		return errors.New("it is in UTF-32: save it as UTF-8 (iconv -f UTF-32 -t UTF-8 FILE)")
	case begins("\xff\xfe"), begins("\xfe\xff"), len(head) > 1 && zero >= 0 && zero < 2 && head[1-zero] != 0:
		return errors.New("it is in UTF-16: save it as UTF-8 (iconv -f UTF-16 -t UTF-8 FILE)")
	case begins("\x1f\x8b"):
		return errors.New("it is compressed by gzip: unpack it first (gunzip FILE)")
	case begins("\x28\xb5\x2f\xfd"):
		return errors.New("it is compressed by zstd: unpack it first (unzstd FILE)")
	case begins("BZh"):
		return errors.New("it is compressed by bzip2: unpack it first (bunzip2 FILE)")
	case begins("\xfd7zXZ\x00"):
		return errors.New("it is compressed by xz: unpack it first (unxz FILE)")
	case begins("PK\x03\x04"):
		return errors.New("it is a zip archive: unpack it first (unzip FILE)")
	case zero == 0:
		return errors.New("it is no text: it begins with zero bytes")
	}
	return nil
}

// isWide reports whether four bytes are one ASCII character in UTF-32.
func isWide(b []byte) bool {
	little := b[0] != 0 && b[1] == 0 && b[3] == 0
	big := b[0] == 0 && b[1] == 0 && b[3] != 0
	return b[2] == 0 && (little || big)
}
