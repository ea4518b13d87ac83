package main

import (
	"bufio"
	"io"
	"os"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/kernels"
)

// cpuReport says which implementation of each operation runs on this machine.
type cpuReport struct {
	GOOS   string    `json:"goos"`
	GOARCH string    `json:"goarch"`
	CPU    string    `json:"cpu"` // as the system names it, "" when it does not
	Off    string    `json:"off"` // PALETTIZE_CPU_OFF
	Tiers  []cpuTier `json:"tiers"`
	// Plans of layers are chosen by costs that were not measured on such a CPU.
	PlansGuessed bool `json:"plans_guessed"`
}

type cpuTier struct {
	Op       string `json:"op"`
	Tier     string `json:"tier"`
	Selected bool   `json:"selected"`
	Lacks    string `json:"lacks"` // CPU features missing for it, "" when it runs here
}

func newCPU(env *env) *cobra.Command {
	var as outputForm
	cmd := &cobra.Command{
		Use:   "cpu",
		Short: "Show which kernels run on this machine",
		Long: `cpu lists every implementation of every operation, best first: which one is selected,
which others run here, and which CPU features the rest lack. Features named in the environment
variable PALETTIZE_CPU_OFF (separated by commas) count as lacking.

` + exitHelp(false),
		Args: takes(0, 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			report, err := cpuFacts()
			if err != nil {
				return err
			}
			return env.show(report, as)
		},
	}
	cmd.Flags().SortFlags = false
	as.addFlags(cmd.Flags(), "print JSON")
	return cmd
}

func cpuFacts() (*cpuReport, error) {
	set, err := kernels.Best()
	if err != nil {
		return nil, err
	}
	report := &cpuReport{
		GOOS: runtime.GOOS, GOARCH: runtime.GOARCH, CPU: cpuName(),
		Off: os.Getenv("PALETTIZE_CPU_OFF"), PlansGuessed: codebook.PlansGuessed(set),
	}
	for _, t := range set.Tiers() {
		report.Tiers = append(report.Tiers, cpuTier{t.Op, t.Tier, t.Selected, t.Lacks})
	}
	return report, nil
}

// cpuName is what Linux says of the first processor, "" elsewhere. A virtual machine may have but
// the maker's name for the model, so that the numbers stand beside it; arm64 has nothing but
// numbers.
func cpuName() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	defer f.Close()
	return cpuNameIn(f)
}

func cpuNameIn(cpuinfo io.Reader) string {
	var name string
	var numbers []string
	// An empty line ends a processor.
	for lines := bufio.NewScanner(cpuinfo); lines.Scan() && lines.Text() != ""; {
		key, value, _ := strings.Cut(lines.Text(), ":")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		switch key {
		case "model name":
			name = value
		case "cpu family", "model", "CPU implementer", "CPU part":
			numbers = append(numbers, strings.TrimPrefix(key, "cpu ")+" "+value)
		}
	}
	if numbers != nil {
		name += " (" + strings.Join(numbers, ", ") + ")"
	}
	return strings.TrimSpace(name)
}
