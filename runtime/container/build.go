package container

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/moby/moby/client"
	"github.com/moby/moby/client/pkg/jsonmessage"

	"retain/runtime/binary"
	"retain/runtime/reaper"
)

// certificates are where systems keep the certificates of the authorities they
// trust. A server without any does not start.
var certificates = []string{
	os.Getenv("SSL_CERT_FILE"),
	"/etc/ssl/certs/ca-certificates.crt", // Debian, Arch
	"/etc/pki/tls/certs/ca-bundle.crt",   // Fedora
	"/etc/ssl/ca-bundle.pem",             // openSUSE
	"/etc/ssl/cert.pem",                  // Alpine, macOS
}

// build makes an image of nothing but the npm package's server and this
// machine's certificates. Of several sessions one builds, the others wait.
func (d *daemon) build(ctx context.Context, notice func(string), version, reference string) error {
	daemon, err := d.ServerVersion(ctx, client.ServerVersionOptions{})
	if err != nil {
		return fmt.Errorf("ask Docker for its platform: %w", err)
	}
	platform, err := binary.PlatformOf(daemon.Os, daemon.Arch)
	if err != nil {
		return err
	}
	server, err := binary.Install(ctx, binary.Request{Version: version, Notice: notice}, platform)
	if err != nil {
		return err
	}
	trusted, err := readCertificates()
	if err != nil {
		return err
	}
	cache, err := reaper.CacheDir()
	if err != nil {
		return err
	}
	release, err := reaper.Lock(ctx, filepath.Join(cache, "image-"+version+".lock"), func() {
		notice("waiting for another session that builds " + reference)
	})
	if err != nil {
		return err
	}
	defer release()
	if d.has(ctx, reference) {
		return nil
	}
	notice("building the image " + reference + ", once")
	if err := d.importImage(ctx, reference, server, trusted); err != nil {
		return fmt.Errorf("build the image %s: %w", reference, err)
	}
	return nil
}

func readCertificates() ([]byte, error) {
	for _, path := range certificates {
		if path == "" {
			continue
		}
		if b, err := os.ReadFile(path); err == nil && len(b) > 0 {
			return b, nil
		}
	}
	return nil, errors.New("find this machine's CA certificates, without which a server does not start: install ca-certificates, or name a file with SSL_CERT_FILE")
}

// importImage hands the daemon the image's one layer while it is written. It
// becomes an image under its name at once, or not at all.
func (d *daemon) importImage(ctx context.Context, reference, server string, trusted []byte) error {
	r, w := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := writeLayer(w, server, trusted)
		_ = w.CloseWithError(err)
		written <- err
	}()
	result, err := d.ImageImport(ctx, client.ImageImportSource{Source: r, SourceName: "-"}, reference, client.ImageImportOptions{
		Message: "restate-server of the npm package, built by retain",
		Changes: []string{
			`ENTRYPOINT ["/usr/local/bin/restate-server"]`,
			`ENV PATH=/usr/local/bin`,
			"EXPOSE 8080 9070 5122",
		},
	})
	if err == nil {
		err = errors.Join(jsonmessage.DisplayStream(result, io.Discard), result.Close())
	}
	_ = r.CloseWithError(errors.New("the daemon reads no more"))
	return errors.Join(err, <-written)
}

// writeLayer writes the files of the image.
func writeLayer(w io.Writer, server string, trusted []byte) error {
	layer := tar.NewWriter(w)
	for _, dir := range []string{"usr/", "usr/local/", "usr/local/bin/", "etc/", "etc/ssl/", "etc/ssl/certs/", "restate-data/", "tmp/"} {
		mode := int64(0o755)
		if dir == "tmp/" {
			mode = int64(0o777 | fs.FileMode(0o1000))
		}
		if err := layer.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir, Mode: mode}); err != nil {
			return err
		}
	}
	if err := writeFile(layer, "etc/ssl/certs/ca-certificates.crt", 0o644, int64(len(trusted)), strings.NewReader(string(trusted))); err != nil {
		return err
	}
	f, err := os.Open(server)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := writeFile(layer, "usr/local/bin/restate-server", 0o755, info.Size(), f); err != nil {
		return err
	}
	return layer.Close()
}

func writeFile(layer *tar.Writer, name string, mode, size int64, content io.Reader) error {
	if err := layer.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: size}); err != nil {
		return err
	}
	_, err := io.Copy(layer, content)
	return err
}
