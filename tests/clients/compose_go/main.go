// Tells, as JSON, what a composition comes to that Compose would start in a folder: the program
// that follows `docker compose config`, without Docker.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
)

func main() {
	told, err := project(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(string(told))
}

// project reads .env, the files that it names in COMPOSE_FILE, and what those name.
func project(arguments []string) ([]byte, error) {
	if len(arguments) != 1 {
		return nil, fmt.Errorf("usage: compose-client FOLDER")
	}
	options, err := cli.NewProjectOptions(nil,
		cli.WithWorkingDirectory(arguments[0]),
		cli.WithOsEnv,
		cli.WithEnvFiles(),
		cli.WithDotEnv,
		cli.WithConfigFileEnv,
		cli.WithDefaultConfigPath,
		cli.WithResolvedPaths(true),
	)
	if err != nil {
		return nil, err
	}
	found, err := options.LoadProject(context.Background())
	if err != nil {
		return nil, err
	}
	return found.MarshalJSON()
}
