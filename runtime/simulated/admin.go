package simulated

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"retain/runtime/versions"
)

// deploymentID is that of the one deployment: the handlers are built in.
const deploymentID = "dp_1simulated"

// serveAdmin answers one request to the admin API. Its errors have the bodies
// of that API, which are not those of the ingress.
func (i *incarnation) serveAdmin(w http.ResponseWriter, r *http.Request) {
	if time.Since(i.began) < i.timings.Health {
		panic(http.ErrAbortHandler) // closes the connection without an answer
	}
	if path, is := strings.CutPrefix(r.URL.Path, "/invocations/"); is && r.Method == http.MethodPatch {
		i.manageInvocation(w, path)
		return
	}
	switch r.Method + " " + r.URL.Path {
	case "GET /health":
		_ = answerWith(w, http.StatusOK, nil) // if it fails the client is gone
	case "GET /version":
		answerJSON(w, http.StatusOK, i.about())
	case "GET /cluster-health":
		answerJSON(w, http.StatusOK, map[string]string{"cluster_name": i.cluster})
	case "GET /services":
		answerJSON(w, http.StatusOK, map[string][]deployed{"services": builtIn()})
	case "POST /deployments":
		i.register(w, r)
	case "POST /query":
		i.query(w, r)
	default:
		answerJSON(w, http.StatusNotFound, errorBody{Message: "the simulated runtime has health, cluster-health, version, services, deployments, query and invocations"})
	}
}

// about is what the server says of itself.
func (i *incarnation) about() any {
	newest := 2
	for _, id := range []versions.ID{versions.AdminAPI3, versions.AdminAPI4} {
		if versions.Has(i.version, id) {
			newest++
		}
	}
	return struct {
		Version string `json:"version"`
		Min     int    `json:"min_admin_api_version"`
		Max     int    `json:"max_admin_api_version"`
		Ingress string `json:"ingress_endpoint"`
	}{i.version, 2, newest, i.ingress.url() + "/"}
}

// register accepts any deployment and answers with the built-in handlers.
func (i *incarnation) register(w http.ResponseWriter, r *http.Request) {
	var body struct {
		URI string `json:"uri"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body.URI == "" {
		answerJSON(w, http.StatusBadRequest, errorBody{Message: `want a JSON object with "uri"`})
		return
	}
	w.Header().Set("Location", "deployments/"+deploymentID)
	answerJSON(w, http.StatusCreated, struct {
		ID       string     `json:"id"`
		Services []deployed `json:"services"`
	}{deploymentID, builtIn()})
}

type (
	// deployed is a service as the admin API shows it.
	deployed struct {
		Name       string          `json:"name"`
		Type       string          `json:"ty"`
		Handlers   []deployedEntry `json:"handlers"`
		Deployment string          `json:"deployment_id"`
		Revision   int             `json:"revision"`
		Public     bool            `json:"public"`
		Retention  string          `json:"idempotency_retention"`
	}
	deployedEntry struct {
		Name   string `json:"name"`
		Type   string `json:"ty"`
		Public bool   `json:"public"`
		Input  string `json:"input_description"`
		Output string `json:"output_description"`
	}
)

// builtIn are the services that there are without a deployment.
func builtIn() []deployed {
	var all []deployed
	for _, name := range services() {
		o := deployed{Name: name, Type: "VirtualObject", Deployment: deploymentID, Revision: 1, Public: true, Retention: "1d"}
		for _, h := range handlers {
			if h.service == name {
				kind := "Exclusive"
				if h.shared {
					kind = "Shared"
				}
				o.Handlers = append(o.Handlers, deployedEntry{h.name, kind, true, h.input, h.output})
			}
		}
		all = append(all, o)
	}
	return all
}
