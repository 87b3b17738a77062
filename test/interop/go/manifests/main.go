// manifests reads Kubernetes objects as YAML from its input and does to each what an API server does when it is created:
// strict decoding, defaults, conversion, and the checks of the kind's strategy. Pod templates are also held against the
// "restricted" Pod Security Standard. One line of JSON per object.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/validation/field"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/storage/names"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	_ "k8s.io/kubernetes/pkg/apis/autoscaling/install"
	api "k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	"k8s.io/kubernetes/pkg/apis/core/validation"
	_ "k8s.io/kubernetes/pkg/apis/networking/install"
	_ "k8s.io/kubernetes/pkg/apis/policy/install"
	_ "k8s.io/kubernetes/pkg/apis/rbac/install"
	"k8s.io/kubernetes/pkg/registry/apps/deployment"
	"k8s.io/kubernetes/pkg/registry/autoscaling/horizontalpodautoscaler"
	"k8s.io/kubernetes/pkg/registry/networking/ingress"
	"k8s.io/kubernetes/pkg/registry/networking/networkpolicy"
	"k8s.io/kubernetes/pkg/registry/policy/poddisruptionbudget"
	"k8s.io/kubernetes/pkg/registry/rbac/role"
	"k8s.io/kubernetes/pkg/registry/rbac/rolebinding"
	podsecurity "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

var strategies = map[schema.GroupKind]rest.RESTCreateStrategy{
	{Group: "apps", Kind: "Deployment"}:                       deployment.Strategy,
	{Group: "autoscaling", Kind: "HorizontalPodAutoscaler"}:   horizontalpodautoscaler.Strategy,
	{Kind: "Namespace"}:                                       core(false, validation.ValidateNamespace),
	{Kind: "Secret"}:                                          core(true, validation.ValidateSecret),
	{Kind: "Service"}:                                         core(true, validation.ValidateServiceCreate),
	{Kind: "ServiceAccount"}:                                  core(true, validation.ValidateServiceAccount),
	{Group: "networking.k8s.io", Kind: "Ingress"}:             ingress.Strategy,
	{Group: "networking.k8s.io", Kind: "NetworkPolicy"}:       networkpolicy.Strategy,
	{Group: "policy", Kind: "PodDisruptionBudget"}:            poddisruptionbudget.Strategy,
	{Group: "rbac.authorization.k8s.io", Kind: "Role"}:        role.Strategy,
	{Group: "rbac.authorization.k8s.io", Kind: "RoleBinding"}: rolebinding.Strategy,
}

// coreStrategy is what the strategies of plain core kinds come to. Those of the registry bring half of the API server with
// them, and as long to build.
type coreStrategy struct {
	runtime.ObjectTyper
	names.NameGenerator
	namespaced bool
	validate   func(runtime.Object) field.ErrorList
}

func core[T runtime.Object](namespaced bool, validate func(T) field.ErrorList) coreStrategy {
	check := func(object runtime.Object) field.ErrorList { return validate(object.(T)) }
	return coreStrategy{legacyscheme.Scheme, names.SimpleNameGenerator, namespaced, check}
}

func (s coreStrategy) NamespaceScoped() bool                                   { return s.namespaced }
func (coreStrategy) PrepareForCreate(context.Context, runtime.Object)          {}
func (coreStrategy) WarningsOnCreate(context.Context, runtime.Object) []string { return nil }
func (coreStrategy) Canonicalize(runtime.Object)                               {}
func (s coreStrategy) Validate(_ context.Context, o runtime.Object) field.ErrorList {
	return s.validate(o)
}

type report struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Name       string   `json:"name"`
	Errors     []string `json:"errors"`
	Warnings   []string `json:"warnings"`
	// As it was read.
	Object runtime.Object `json:"object"`
}

func main() {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		fail(err)
	}
	documents := utilyaml.NewYAMLReader(bufio.NewReader(os.Stdin))
	output := json.NewEncoder(os.Stdout)
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			fail(err)
		}
		if err := output.Encode(check(document, evaluator)); err != nil {
			fail(err)
		}
	}
}

func check(document []byte, evaluator policy.Evaluator) report {
	result := report{Errors: []string{}, Warnings: []string{}}
	codecs := serializer.NewCodecFactory(legacyscheme.Scheme, serializer.EnableStrict)
	external, kind, err := codecs.UniversalDeserializer().Decode(document, nil, nil)
	if kind != nil {
		result.APIVersion, result.Kind = kind.GroupVersion().String(), kind.Kind
	}
	if external != nil {
		if object, accessErr := meta.Accessor(external); accessErr == nil {
			result.Name = object.GetName()
		}
	}
	if err != nil {
		result.Errors = append(result.Errors, err.Error())
		return result
	}
	result.Object = external.DeepCopyObject()
	if deployed, ok := external.(*appsv1.Deployment); ok {
		result.Errors = append(result.Errors, restricted(evaluator, &deployed.Spec.Template)...)
	}
	strategy, known := strategies[kind.GroupKind()]
	if !known {
		result.Errors = append(result.Errors, fmt.Sprintf("no strategy for %s", kind.GroupKind()))
		return result
	}
	legacyscheme.Scheme.Default(external)
	internal, err := legacyscheme.Scheme.ConvertToVersion(external, schema.GroupVersion{Group: kind.Group, Version: runtime.APIVersionInternal})
	if err != nil {
		result.Errors = append(result.Errors, err.Error())
		return result
	}
	if service, ok := internal.(*api.Service); ok && service.Spec.ClusterIP != "" && len(service.Spec.ClusterIPs) == 0 {
		// The registry's storage does so before it asks the strategy.
		service.Spec.ClusterIPs = []string{service.Spec.ClusterIP}
	}
	ctx := create(strategy, kind, internal)
	result.Warnings = append(result.Warnings, strategy.WarningsOnCreate(ctx, internal)...)
	if err := rest.BeforeCreate(strategy, ctx, internal); err != nil {
		result.Errors = append(result.Errors, err.Error())
	}
	return result
}

// create makes the context of a request that creates the object.
func create(strategy rest.RESTCreateStrategy, kind *schema.GroupVersionKind, object runtime.Object) context.Context {
	info := &request.RequestInfo{IsResourceRequest: true, Verb: "create", APIGroup: kind.Group, APIVersion: kind.Version}
	ctx := request.WithRequestInfo(context.Background(), info)
	accessor, err := meta.Accessor(object)
	if err != nil {
		fail(err)
	}
	rest.FillObjectMetaSystemFields(accessor)
	if !strategy.NamespaceScoped() {
		return request.WithNamespace(ctx, metav1.NamespaceNone)
	}
	namespace := accessor.GetNamespace()
	if namespace == "" {
		namespace = metav1.NamespaceDefault
	}
	return request.WithNamespace(ctx, namespace)
}

func restricted(evaluator policy.Evaluator, template *corev1.PodTemplateSpec) []string {
	level := podsecurity.LevelVersion{Level: podsecurity.LevelRestricted, Version: podsecurity.LatestVersion()}
	var problems []string
	for _, answer := range evaluator.EvaluatePod(level, &template.ObjectMeta, &template.Spec) {
		if !answer.Allowed {
			problems = append(problems, fmt.Sprintf("pod security: %s: %s", answer.ForbiddenReason, answer.ForbiddenDetail))
		}
	}
	return problems
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
