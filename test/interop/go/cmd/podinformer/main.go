// podinformer pages through the pods of a namespace, then follows pods and EndpointSlices with informers of client-go until
// it is killed, and prints each change that their caches see.
package main

import (
	"context"
	"flag"
	"net/http"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/pager"

	"trunkline.dev/interop/internal/report"
)

type line struct {
	Type     string `json:"type"`
	Resource string `json:"resource,omitempty"`
	Name     string `json:"name,omitempty"`
	// Count is of pods on PAGED, and of endpoints of a slice.
	Count int `json:"count"`
}

func main() {
	url := flag.String("url", "", "address of the server")
	namespace := flag.String("namespace", "default", "namespace to follow")
	pageSize := flag.Int64("page-size", 2, "pods in each chunk of the list")
	flag.Parse()

	client, err := dynamic.NewForConfig(&rest.Config{Host: *url, Transport: &http.Transport{}})
	if err != nil {
		report.Fatal(err)
	}
	ctx := context.Background()
	pods := schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	slices := schema.GroupVersionResource{Group: "discovery.k8s.io", Version: "v1", Resource: "endpointslices"}

	list := pager.New(func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
		return client.Resource(pods).Namespace(*namespace).List(ctx, options)
	})
	list.PageSize = *pageSize
	count := 0
	if err := list.EachListItem(ctx, metav1.ListOptions{}, func(runtime.Object) error { count++; return nil }); err != nil {
		report.Fatal(err)
	}
	report.Line(line{Type: "PAGED", Resource: "pods", Count: count})

	factory := dynamicinformer.NewFilteredDynamicSharedInformerFactory(client, 0, *namespace, nil)
	for _, resource := range []schema.GroupVersionResource{pods, slices} {
		if _, err := factory.ForResource(resource).Informer().AddEventHandler(teller(resource.Resource)); err != nil {
			report.Fatal(err)
		}
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	report.Line(line{Type: "SYNCED"})
	<-ctx.Done()
}

func teller(resource string) cache.ResourceEventHandler {
	tell := func(kind string, object any) {
		if final, ok := object.(cache.DeletedFinalStateUnknown); ok {
			object = final.Obj
		}
		one := object.(*unstructured.Unstructured)
		endpoints, _, _ := unstructured.NestedSlice(one.Object, "endpoints")
		report.Line(line{Type: kind, Resource: resource, Name: one.GetName(), Count: len(endpoints)})
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { tell("ADD", object) },
		UpdateFunc: func(_, object any) { tell("UPDATE", object) },
		DeleteFunc: func(object any) { tell("DELETE", object) },
	}
}
