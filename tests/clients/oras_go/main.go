// A small client on oras-go, the library the oras command line is made of.
//
//	oras-go-client [flags] push     REFERENCE FILE...          prints the manifest's digest
//	oras-go-client [flags] attach   REFERENCE TYPE FILE[:TYPE]...  prints the new manifest's digest
//	oras-go-client [flags] discover REFERENCE [TYPE]           prints "digest artifact-type" per referrer
//	oras-go-client [flags] pull     REFERENCE FOLDER           writes the files, prints the digest
//	oras-go-client [flags] copy     REFERENCE REFERENCE        copies, referrers included
//	oras-go-client [flags] tags     REPOSITORY                 prints one tag per line
//	oras-go-client [flags] delete   REFERENCE                  deletes the manifest
//
// The name and password come from ORAS_USERNAME and ORAS_PASSWORD; without them it is anonymous.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content/file"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/retry"
)

const (
	artifactType  = "application/vnd.example.thing.v1"
	fileMediaType = "application/vnd.example.file.v1"
)

var (
	plainHTTP        = flag.Bool("plain-http", false, "speak HTTP without TLS")
	distributionSpec = flag.String("distribution-spec", "",
		"v1.1-referrers-api or v1.1-referrers-tag; found out when empty")
	annotations = pairs{}
)

// pairs collects every KEY=VALUE that a flag is given.
type pairs map[string]string

func (p pairs) String() string { return "" }

func (p pairs) Set(pair string) error {
	key, value, found := strings.Cut(pair, "=")
	if !found {
		return fmt.Errorf("%q is not KEY=VALUE", pair)
	}
	p[strings.TrimSpace(key)] = strings.TrimSpace(value)
	return nil
}

var commands = map[string]func(context.Context, []string) error{
	"push":     push,
	"attach":   attach,
	"discover": discover,
	"pull":     pull,
	"copy":     copyGraph,
	"tags":     tags,
	"delete":   remove,
}

func main() {
	flag.Var(annotations, "annotation", "KEY=VALUE for the manifest that is pushed; may be repeated")
	flag.Parse()
	command, known := commands[flag.Arg(0)]
	if !known {
		fail(fmt.Errorf("unknown command %q", flag.Arg(0)))
	}
	if err := command(context.Background(), flag.Args()[1:]); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "Error:", err)
	os.Exit(1)
}

func push(ctx context.Context, args []string) error {
	repository, err := open(args[0])
	if err != nil {
		return err
	}
	_, err = pack(ctx, repository, artifactType, args[1:], nil)
	return err
}

func attach(ctx context.Context, args []string) error {
	repository, err := open(args[0])
	if err != nil {
		return err
	}
	subject, err := repository.Resolve(ctx, args[0])
	if err != nil {
		return err
	}
	_, err = pack(ctx, repository, args[1], args[2:], &subject)
	return err
}

// pack pushes the files and a manifest that names them: to the tag, or by digest with a subject.
func pack(
	ctx context.Context, repository *remote.Repository, kind string, paths []string, subject *ocispec.Descriptor,
) (ocispec.Descriptor, error) {
	store, err := file.New("")
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	defer store.Close()

	options := oras.PackManifestOptions{Subject: subject, ManifestAnnotations: annotations}
	for _, given := range paths {
		path, mediaType, isTyped := strings.Cut(given, ":")
		if !isTyped {
			mediaType = fileMediaType
		}
		absolute, err := filepath.Abs(path)
		if err != nil {
			return ocispec.Descriptor{}, err
		}
		layer, err := store.Add(ctx, filepath.Base(path), mediaType, absolute)
		if err != nil {
			return ocispec.Descriptor{}, err
		}
		options.Layers = append(options.Layers, layer)
	}
	root, err := oras.PackManifest(ctx, store, oras.PackManifestVersion1_1, kind, options)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	if subject != nil {
		err = oras.CopyGraph(ctx, store, repository, root, oras.DefaultCopyGraphOptions)
	} else if err = store.Tag(ctx, root, root.Digest.String()); err == nil {
		_, err = oras.Copy(
			ctx, store, root.Digest.String(), repository, repository.Reference.Reference, oras.DefaultCopyOptions)
	}
	if err == nil {
		fmt.Println(root.Digest)
	}
	return root, err
}

func discover(ctx context.Context, args []string) error {
	repository, err := open(args[0])
	if err != nil {
		return err
	}
	subject, err := repository.Resolve(ctx, args[0])
	if err != nil {
		return err
	}
	wanted := ""
	if len(args) > 1 {
		wanted = args[1]
	}
	return repository.Referrers(ctx, subject, wanted, func(page []ocispec.Descriptor) error {
		for _, referrer := range page {
			fmt.Println(referrer.Digest, referrer.ArtifactType)
		}
		return nil
	})
}

func pull(ctx context.Context, args []string) error {
	repository, err := open(args[0])
	if err != nil {
		return err
	}
	store, err := file.New(args[1])
	if err != nil {
		return err
	}
	defer store.Close()
	root, err := oras.Copy(ctx, repository, repository.Reference.Reference, store, "", oras.DefaultCopyOptions)
	if err == nil {
		fmt.Println(root.Digest)
	}
	return err
}

func copyGraph(ctx context.Context, args []string) error {
	from, err := open(args[0])
	if err != nil {
		return err
	}
	to, err := open(args[1])
	if err != nil {
		return err
	}
	options := oras.DefaultExtendedCopyOptions
	options.MountFrom = func(context.Context, ocispec.Descriptor) ([]string, error) {
		return []string{from.Reference.Repository}, nil
	}
	_, err = oras.ExtendedCopy(ctx, from, from.Reference.Reference, to, to.Reference.Reference, options)
	return err
}

func tags(ctx context.Context, args []string) error {
	repository, err := open(args[0])
	if err != nil {
		return err
	}
	return repository.Tags(ctx, "", func(page []string) error {
		for _, tag := range page {
			fmt.Println(tag)
		}
		return nil
	})
}

func remove(ctx context.Context, args []string) error {
	repository, err := open(args[0])
	if err != nil {
		return err
	}
	manifest, err := repository.Resolve(ctx, args[0])
	if err != nil {
		return err
	}
	return repository.Delete(ctx, manifest)
}

// open is the repository of a reference, with the credentials and the referrers schema asked for.
func open(reference string) (*remote.Repository, error) {
	repository, err := remote.NewRepository(reference)
	if err != nil {
		return nil, err
	}
	repository.PlainHTTP = *plainHTTP
	repository.Client = &auth.Client{
		Client: retry.DefaultClient,
		Cache:  auth.NewCache(),
		Credential: auth.StaticCredential(repository.Reference.Registry, auth.Credential{
			Username: os.Getenv("ORAS_USERNAME"),
			Password: os.Getenv("ORAS_PASSWORD"),
		}),
	}
	switch *distributionSpec {
	case "v1.1-referrers-api":
		err = repository.SetReferrersCapability(true)
	case "v1.1-referrers-tag":
		err = repository.SetReferrersCapability(false)
	}
	return repository, err
}
