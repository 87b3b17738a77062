// etcdwatcher follows a key with the watcher of etcd's own v2 client, and prints each event. What fails is tried again with
// the same watcher, save for a cleared history: then a new one begins behind the index that the error names.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"time"

	"go.etcd.io/etcd/client/v2"
)

type line struct {
	Action    string `json:"action,omitempty"`
	Key       string `json:"key,omitempty"`
	Value     string `json:"value,omitempty"`
	Modified  uint64 `json:"modified,omitempty"`
	Created   uint64 `json:"created,omitempty"`
	Index     uint64 `json:"index,omitempty"`
	ClusterID string `json:"cluster,omitempty"`
	ErrorCode int    `json:"errorCode,omitempty"`
	Cause     string `json:"cause,omitempty"`
	Failures  int    `json:"failures,omitempty"`
}

func main() {
	url := flag.String("url", "", "address of the server")
	key := flag.String("key", "/", "key to follow")
	after := flag.Uint64("after", 0, "index behind which to begin; 0: now")
	recursive := flag.Bool("recursive", false, "follow the keys below too")
	count := flag.Int("count", 1, "events to print")
	get := flag.Bool("get", false, "print the key first, and begin behind the index of that answer")
	flag.Parse()

	endpoint, err := client.New(client.Config{
		Endpoints: []string{*url},
		Transport: &http.Transport{},
		// Not of the watches: the client does not bound these.
		HeaderTimeoutPerRequest: 5 * time.Second,
	})
	if err != nil {
		fatal(err)
	}
	keys := client.NewKeysAPI(endpoint)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Second)
	defer cancel()

	if *get {
		response, err := keys.Get(ctx, *key, &client.GetOptions{Recursive: *recursive, Sort: true})
		if err != nil {
			fatal(err)
		}
		print(lineOf(response))
		for _, node := range response.Node.Nodes {
			print(line{Key: node.Key, Value: node.Value, Modified: node.ModifiedIndex})
		}
		*after = response.Index
	}
	watcher := keys.Watcher(*key, &client.WatcherOptions{AfterIndex: *after, Recursive: *recursive})
	failures := 0
	for seen := 0; seen < *count; {
		response, err := watcher.Next(ctx)
		var refused client.Error
		switch {
		case err == nil:
			seen++
			print(lineOf(response))
		case ctx.Err() != nil:
			fatal(err)
		case errors.As(err, &refused) && refused.Code == client.ErrorCodeEventIndexCleared:
			print(line{ErrorCode: refused.Code, Cause: refused.Cause, Index: refused.Index})
			watcher = keys.Watcher(*key, &client.WatcherOptions{AfterIndex: refused.Index, Recursive: *recursive})
		case errors.As(err, &refused):
			fatal(err)
		default:
			failures++
			time.Sleep(5 * time.Millisecond)
		}
	}
	print(line{Failures: failures, Action: "done"})
}

func lineOf(response *client.Response) line {
	node := response.Node
	return line{
		Action: response.Action, Key: node.Key, Value: node.Value, Modified: node.ModifiedIndex,
		Created: node.CreatedIndex, Index: response.Index, ClusterID: response.ClusterID,
	}
}

func print(value line) {
	if err := json.NewEncoder(os.Stdout).Encode(value); err != nil {
		fatal(err)
	}
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(2)
}
