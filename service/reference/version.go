package reference

import (
	"net/http"
	"strings"
)

// sdkVersion is the version of the SDK in go.mod. The SDK looks for it in what the program
// was built from, which a test binary does not have.
const sdkVersion = "v1.2.0"

// serverHeader is the header of a discovery's answer by which the server knows the SDK.
const serverHeader = "X-Restate-Server"

// named adds the version to the answer of a discovery where the SDK does not know it.
func named(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/discover" {
			w = &discovery{w}
		}
		handler.ServeHTTP(w, r)
	})
}

// discovery is the answer to a discovery.
type discovery struct{ http.ResponseWriter }

// WriteHeader implements [http.ResponseWriter].
func (d *discovery) WriteHeader(status int) {
	d.name()
	d.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter]. The first one may write the header.
func (d *discovery) Write(b []byte) (int, error) {
	d.name()
	return d.ResponseWriter.Write(b)
}

func (d *discovery) name() {
	if name, unknown := strings.CutSuffix(d.Header().Get(serverHeader), "/unknown"); unknown {
		d.Header().Set(serverHeader, name+"/"+sdkVersion)
	}
}
