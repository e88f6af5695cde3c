{{- define "berth.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" }}
{{- end }}

{{/* At most 52 characters: suffixes follow, and Services take 63. */}}
{{- define "berth.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains (include "berth.name" .) .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "berth.name" .) | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "berth.selector" -}}
app.kubernetes.io/name: {{ include "berth.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "berth.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "berth.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "berth.image" -}}
{{- $repository := required "image.repository is empty: name the image that deploy/container/Containerfile makes, in a registry that the cluster reaches." .Values.image.repository }}
{{- if .Values.image.digest }}
{{- printf "%s@%s" $repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" $repository (.Values.image.tag | default .Chart.AppVersion) }}
{{- end }}
{{- end }}

{{- define "berth.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- .Values.serviceAccount.name | default (include "berth.fullname" .) }}
{{- else }}
{{- .Values.serviceAccount.name | default "default" }}
{{- end }}
{{- end }}

{{/* The name of the Secret with our keys; empty where there is none. */}}
{{- define "berth.secret" -}}
{{- if .Values.secret.existing }}
{{- .Values.secret.existing }}
{{- else if .Values.secret.values }}
{{- include "berth.fullname" . }}
{{- end }}
{{- end }}

{{/* Where people find Berth; empty: as the configuration says. */}}
{{- define "berth.host" -}}
{{- if .Values.ingress.enabled }}
{{- .Values.ingress.host }}
{{- else if .Values.gateway.enabled }}
{{- .Values.gateway.host }}
{{- end }}
{{- end }}
