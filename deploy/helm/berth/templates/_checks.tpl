{{/* What makes sense alone and not together. The schema has looked at each value. */}}
{{- define "berth.checks" -}}
{{- $secret := .Values.secret.values }}
{{- if and .Values.secret.existing $secret }}
{{- fail "secret.existing and secret.values: give one of them." }}
{{- end }}
{{- if and (eq .Values.mode "replicated") (not .Values.secret.existing) }}
{{- range $key := list "SECRET_KEY" "DB_URI" }}
{{- if not (index $secret $key) }}
{{- fail (printf "mode: replicated needs secret.values.%s, or a Secret with it in secret.existing: all pods share it." $key) }}
{{- end }}
{{- end }}
{{- if not (hasPrefix "postgresql://" $secret.DB_URI) }}
{{- fail "mode: replicated needs PostgreSQL: secret.values.DB_URI must begin with postgresql://." }}
{{- end }}
{{- if not (or $secret.DISTRIBUTED_STORAGE_CONFIG .Values.config.DISTRIBUTED_STORAGE_CONFIG) }}
{{- fail "mode: replicated needs DISTRIBUTED_STORAGE_CONFIG, in secret.values or in config: all pods share one store." }}
{{- end }}
{{- end }}
{{- if regexMatch "\"(s3_secret_key|secret_key)\":" (toJson .Values.config) }}
{{- fail "config holds the secret key of a store, and is no secret: move DISTRIBUTED_STORAGE_CONFIG to secret.values." }}
{{- end }}
{{- if and .Values.ingress.enabled .Values.gateway.enabled }}
{{- fail "ingress.enabled and gateway.enabled: one of them leads to Berth." }}
{{- end }}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) }}
{{- fail "ingress.enabled needs ingress.host: clients are sent to it for tokens." }}
{{- end }}
{{- if and .Values.gateway.enabled (not (and .Values.gateway.host .Values.gateway.parentRefs)) }}
{{- fail "gateway.enabled needs gateway.host and gateway.parentRefs." }}
{{- end }}
{{- if and .Values.metrics.serviceMonitor.enabled (not .Values.secret.existing) (not $secret.METRICS_TOKEN) }}
{{- fail "metrics.serviceMonitor.enabled needs secret.values.METRICS_TOKEN, or a Secret with it in secret.existing: Prometheus sends it." }}
{{- end }}
{{- if and .Values.web.autoscaling.enabled (gt (int .Values.web.autoscaling.minReplicas) (int .Values.web.autoscaling.maxReplicas)) }}
{{- fail "web.autoscaling: minReplicas is more than maxReplicas." }}
{{- end }}
{{- end }}

{{- define "berth.config" -}}
{{- $found := dict }}
{{- with include "berth.host" . }}
{{- $_ := set $found "SERVER_HOSTNAME" . }}
{{- end }}
{{- if or .Values.gateway.enabled (and .Values.ingress.enabled .Values.ingress.tlsSecret) }}
{{- $_ := set $found "PREFERRED_URL_SCHEME" "https" }}
{{- end }}
{{- toYaml (merge (deepCopy .Values.config) $found) }}
{{- end }}

{{/* A Secret's stringData: text as it is, all else as JSON, which is YAML. */}}
{{- define "berth.secretData" -}}
{{- range $key, $value := . }}
{{ $key }}: {{ (kindIs "string" $value | ternary $value (toJson $value)) | quote }}
{{- end }}
{{- end }}
