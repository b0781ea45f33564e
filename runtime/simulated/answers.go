package simulated

import (
	"fmt"
	"net/http"

	"retain/model"
)

// encode is the response to an invocation with this answer: its status and its body.
func encode(w http.ResponseWriter, inv *invocation, answer model.Answer, version string) (status int, body []byte) {
	if body := awakeableBody(inv, answer); body != nil {
		return http.StatusOK, body
	}
	switch a := answer.(type) {
	case model.Done:
		return http.StatusOK, nil
	case model.Integer:
		return http.StatusOK, marshal(int64(a))
	case model.Change:
		return http.StatusOK, marshal(struct {
			Old int64 `json:"oldValue"`
			New int64 `json:"newValue"`
		}{a.Old, a.New})
	case model.Text:
		return http.StatusOK, marshal(string(a))
	case model.Texts:
		return http.StatusOK, marshal([]string(a))
	case model.Receipt:
		return http.StatusOK, marshal(a.Body())
	case model.Entries:
		return http.StatusOK, marshal([]model.Entry(a))
	case pong:
		return http.StatusOK, marshal(map[string]string{"nonce": string(a)})
	case model.Failure:
		if a.Message == "" {
			a.Message = inv.object.key // what addThenFail fails with
		}
		return a.Code, failure(w, a, version)
	}
	panic(fmt.Sprintf("simulated: no response for the answer %s", answer)) // these are all answers
}
