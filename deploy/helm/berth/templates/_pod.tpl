{{/* How every container of ours is confined. */}}
{{- define "berth.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* What every pod of ours begins with. */}}
{{- define "berth.podCommon" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
automountServiceAccountToken: false
# A Service named berth would set BERTH_PORT and others, which look like keys of ours.
enableServiceLinks: false
securityContext: {{ toYaml .Values.podSecurityContext | nindent 2 }}
{{- with .Values.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{- define "berth.env" -}}
# Replicas keep nothing on their machines.
- {name: BERTH_DATA, value: {{ eq .Values.mode "single" | ternary "/var/lib/berth" "" | quote }}}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "berth.envFrom" -}}
{{- with include "berth.secret" . }}
envFrom:
  - prefix: BERTH_
    secretRef: {name: {{ . }}}
{{- end }}
{{- end }}

{{/* A pod template. Takes root, role (web, worker, beat) and args. */}}
{{- define "berth.pod" -}}
{{- $ := .root }}
{{- $role := .role }}
{{- $of := index $.Values $role }}
metadata:
  labels:
    {{- include "berth.labels" $ | nindent 4 }}
    app.kubernetes.io/component: {{ .role }}
    {{- with $.Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    checksum/config: {{ include "berth.config" $ | sha256sum }}
    checksum/secret: {{ printf "%s %s" (toJson $.Values.secret.values) $.Values.secret.revision | sha256sum }}
    {{- with $.Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "berth.serviceAccount" $ }}
  {{- include "berth.podCommon" $ | nindent 2 }}
  terminationGracePeriodSeconds: {{ $.Values.terminationGracePeriodSeconds }}
  {{- if $.Values.affinity }}
  affinity: {{ toYaml $.Values.affinity | nindent 4 }}
  {{- end }}
  {{- if eq $.Values.mode "replicated" }}
  topologySpreadConstraints:
    {{- range $key := list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
    - topologyKey: {{ $key }}
      maxSkew: 1
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "berth.selector" $ | nindent 10 }}
          app.kubernetes.io/component: {{ $role }}
    {{- end }}
  {{- end }}
  containers:
    - name: berth
      image: {{ include "berth.image" $ | quote }}
      imagePullPolicy: {{ $.Values.image.pullPolicy }}
      args: {{ toJson .args }}
      securityContext: {{ include "berth.containerSecurity" $ | nindent 8 }}
      env:
        {{- include "berth.env" $ | nindent 8 }}
        - {name: BERTH_CONFIG, value: /etc/berth/config.yaml}
        {{- if eq .role "web" }}
        - {name: HOST, value: 0.0.0.0}
        - {name: PORT, value: "8080"}
        - {name: WORKERS, value: {{ $.Values.web.workers | quote }}}
        {{- end }}
      {{- include "berth.envFrom" $ | nindent 6 }}
      {{- if eq .role "web" }}
      ports:
        - {name: http, containerPort: 8080}
      # A start waits for others that prepare the database, for up to ten minutes.
      startupProbe:
        httpGet: {path: /livez, port: http}
        periodSeconds: 5
        failureThreshold: 144
        timeoutSeconds: 3
      livenessProbe:
        httpGet: {path: /livez, port: http}
        periodSeconds: 10
        failureThreshold: 6
        timeoutSeconds: 5
      readinessProbe:
        httpGet: {path: /readyz, port: http}
        periodSeconds: 5
        failureThreshold: 2
        timeoutSeconds: 5
      # Until everybody who sends requests knows that this pod ends.
      lifecycle:
        preStop:
          exec: {command: [sleep, "8"]}
      {{- end }}
      resources: {{ toYaml $of.resources | nindent 8 }}
      volumeMounts:
        {{- if eq $.Values.mode "single" }}
        - {name: data, mountPath: /var/lib/berth}
        {{- end }}
        - {name: tmp, mountPath: /tmp}
        - {name: config, mountPath: /etc/berth, readOnly: true}
        {{- with $.Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    {{- if eq $.Values.mode "single" }}
    - name: data
      {{- if $.Values.persistence.enabled }}
      persistentVolumeClaim:
        claimName: {{ $.Values.persistence.existingClaim | default (include "berth.fullname" $) }}
      {{- else }}
      emptyDir: {}
      {{- end }}
    {{- end }}
    - name: tmp
      emptyDir: {}
    - name: config
      configMap: {name: {{ include "berth.fullname" $ }}}
    {{- with $.Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}
