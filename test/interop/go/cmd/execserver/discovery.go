package main

import (
	"encoding/json"
	"net/http"
)

// addDiscovery answers as much of the API as kubectl asks for before it runs exec in pod "p".
func addDiscovery(mux *http.ServeMux) {
	pods := map[string]any{
		"name": "pods", "singularName": "pod", "namespaced": true, "kind": "Pod", "shortNames": []string{"po"},
		"verbs": []string{"get", "list"},
	}
	answers := map[string]any{
		"/api":     map[string]any{"kind": "APIVersions", "versions": []string{"v1"}},
		"/apis":    map[string]any{"kind": "APIGroupList", "apiVersion": "v1", "groups": []any{}},
		"/api/v1":  map[string]any{"kind": "APIResourceList", "groupVersion": "v1", "resources": []any{pods}},
		"/version": map[string]any{"major": "1", "minor": "37", "gitVersion": "v1.37.2"},
	}
	for path, answer := range answers {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			writeJSON(w, http.StatusOK, answer)
		})
	}
	mux.HandleFunc("GET /api/v1/namespaces/{namespace}/pods/{pod}", func(w http.ResponseWriter, req *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{
			"kind": "Pod", "apiVersion": "v1",
			"metadata": map[string]any{"name": req.PathValue("pod"), "namespace": req.PathValue("namespace")},
			"spec":     map[string]any{"containers": []any{map[string]any{"name": "c", "image": "local", "stdin": true}}},
			"status":   map[string]any{"phase": "Running"},
		})
	})
}

func writeStatus(w http.ResponseWriter, code int, reason, message string) {
	writeJSON(w, code, map[string]any{
		"kind": "Status", "apiVersion": "v1", "metadata": map[string]any{}, "status": "Failure",
		"message": message, "reason": reason, "code": code,
	})
}

func writeJSON(w http.ResponseWriter, code int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(value)
}
