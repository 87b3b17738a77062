// watchclient follows a resource with client-go, and prints each event. -mode watch lists and then uses one RetryWatcher, as
// kubectl wait does; -mode reflector uses a Reflector, which lists through a watch first (-watchlist) or lists.
package main

import (
	"context"
	"flag"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	toolswatch "k8s.io/client-go/tools/watch"

	"trunkline.dev/interop/internal/report"
)

type line struct {
	Type    string `json:"type"`
	Name    string `json:"name,omitempty"`
	Data    string `json:"data,omitempty"`
	Version string `json:"version,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Code    int32  `json:"code,omitempty"`
}

func main() {
	url := flag.String("url", "", "address of the server")
	resource := flag.String("resource", "orders", "resource to follow")
	mode := flag.String("mode", "watch", "watch, once or reflector")
	version := flag.String("version", "", "with once: where to begin")
	seconds := flag.Int64("seconds", 0, "with once: timeoutSeconds")
	count := flag.Int("count", 1, "objects to see, with watch and reflector")
	flag.Parse()

	client, err := dynamic.NewForConfig(&rest.Config{Host: *url, Transport: &http.Transport{}})
	if err != nil {
		report.Fatal(err)
	}
	gvr := schema.GroupVersionResource{Group: "push.trunkline.dev", Version: "v1", Resource: *resource}
	resources := client.Resource(gvr)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Second)
	defer cancel()

	switch *mode {
	case "once":
		once(ctx, resources, metav1.ListOptions{ResourceVersion: *version, TimeoutSeconds: seconds, AllowWatchBookmarks: true})
	case "watch":
		listAndWatch(ctx, resources, *count)
	case "reflector":
		reflect(ctx, client, gvr, *count)
	default:
		report.Usage("no mode %s", *mode)
	}
}

func once(ctx context.Context, resources dynamic.ResourceInterface, options metav1.ListOptions) {
	watcher, err := resources.Watch(ctx, options)
	if err != nil {
		report.Line(lineOf(watch.Event{Type: "REFUSED", Object: statusOf(err)}))
		return
	}
	for event := range watcher.ResultChan() {
		report.Line(lineOf(event))
	}
}

type watchFunc func(options metav1.ListOptions) (watch.Interface, error)

func (f watchFunc) Watch(options metav1.ListOptions) (watch.Interface, error) { return f(options) }

func (f watchFunc) WatchWithContext(_ context.Context, options metav1.ListOptions) (watch.Interface, error) {
	return f(options)
}

func listAndWatch(ctx context.Context, resources dynamic.ResourceInterface, count int) {
	list, err := resources.List(ctx, metav1.ListOptions{})
	if err != nil {
		report.Fatal(err)
	}
	seen := 0
	for i := range list.Items {
		seen++
		report.Line(lineOf(watch.Event{Type: "LISTED", Object: &list.Items[i]}))
	}
	report.Line(line{Type: "LIST", Version: list.GetResourceVersion()})
	retry, err := toolswatch.NewRetryWatcherWithContext(ctx, list.GetResourceVersion(), watchFunc(
		func(options metav1.ListOptions) (watch.Interface, error) { return resources.Watch(ctx, options) }))
	if err != nil {
		report.Fatal(err)
	}
	for event := range retry.ResultChan() {
		report.Line(lineOf(event))
		if event.Type == watch.Error {
			return
		}
		if seen++; seen >= count {
			return
		}
	}
}

// store tells of what a reflector does to its cache.
type store struct {
	cache.Store
	count int
	done  context.CancelFunc
}

func (s *store) tell(kind string, object any) {
	report.Line(lineOf(watch.Event{Type: watch.EventType(kind), Object: object.(runtime.Object)}))
	if len(s.Store.List()) >= s.count {
		s.done()
	}
}

func (s *store) Add(object any) error {
	err := s.Store.Add(object)
	s.tell("ADD", object)
	return err
}

func (s *store) Update(object any) error {
	err := s.Store.Update(object)
	s.tell("UPDATE", object)
	return err
}

func (s *store) Delete(object any) error {
	err := s.Store.Delete(object)
	s.tell("DELETE", object)
	return err
}

func (s *store) Replace(objects []any, version string) error {
	err := s.Store.Replace(objects, version)
	report.Line(line{Type: "REPLACE", Version: version})
	for _, object := range objects {
		s.tell("REPLACED", object)
	}
	return err
}

func reflect(ctx context.Context, client dynamic.Interface, gvr schema.GroupVersionResource, count int) {
	ctx, done := context.WithCancel(ctx)
	defer done()
	resources := client.Resource(gvr)
	listWatch := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			report.Line(line{Type: "LISTS", Version: options.ResourceVersion})
			return resources.List(ctx, options)
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			kind := "WATCHES"
			if options.SendInitialEvents != nil && *options.SendInitialEvents {
				kind = "WATCHES THE LIST"
			}
			report.Line(line{Type: kind, Version: options.ResourceVersion})
			return resources.Watch(ctx, options)
		},
	}
	objects := &store{Store: cache.NewStore(cache.MetaNamespaceKeyFunc), count: count, done: done}
	cache.NewReflector(listWatch, &unstructured.Unstructured{}, objects, 0).RunWithContext(ctx)
}

func statusOf(err error) runtime.Object {
	if status, ok := err.(apierrors.APIStatus); ok {
		value := status.Status()
		return &value
	}
	report.Fatal(err)
	return nil
}

func lineOf(event watch.Event) line {
	out := line{Type: string(event.Type)}
	if status, ok := event.Object.(*metav1.Status); ok {
		out.Reason, out.Code = string(status.Reason), status.Code
		return out
	}
	object, err := meta.Accessor(event.Object)
	if err != nil {
		report.Fatal(err)
	}
	out.Name, out.Version = object.GetName(), object.GetResourceVersion()
	if fields, ok := event.Object.(*unstructured.Unstructured); ok {
		out.Data, _, _ = unstructured.NestedString(fields.Object, "data")
	}
	return out
}
