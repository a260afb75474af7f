"""The gateway of the embedded cluster: a real Envoy driven by xDS from Services, EndpointSlices and HTTPRoutes."""
