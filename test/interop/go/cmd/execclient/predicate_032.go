//go:build clientgo032

package main

// Before 1.36 the upgrade errors lived in apimachinery.
import "k8s.io/apimachinery/pkg/util/httpstream"

func isUpgradeFailure(err error) bool {
	return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
}
