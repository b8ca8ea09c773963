package search

import "immis/bench"

// Result is what was measured. Synthetic results show that the arithmetic is right, not
// how real people are told apart.
type Result struct {
	Rows     int    `json:"rows"`
	Dim      int    `json:"dim"`
	Workload string `json:"workload"`
	Seed     uint64 `json:"seed"`
	// Kernels are what the scans ran on, Workers how many cores searched at most.
	Kernels []string `json:"kernels"`
	Workers int      `json:"workers"`
	// ProcessorTime tells whether figures per core count processor time; if not, they are
	// by the clock.
	ProcessorTime bool `json:"processor_time"`

	// Bars are the figures that there is a bar for, with a verdict on each.
	Bars []Bar `json:"bars"`

	Fill      Fill    `json:"fill"`
	Limits    Limits  `json:"limits_one_core"`
	OneCore   []Speed `json:"one_core"`
	AllLimits Limits  `json:"limits_all_cores"`
	AllCores  []Speed `json:"all_cores"`
	Changes   Changes `json:"changes"`
	Slices    Slices  `json:"slices"`
	Losses    []Loss  `json:"losses"`
	Memory    Memory  `json:"memory"`
	Start     Start   `json:"start"`
	// Disk tells that rows were read from files, and only codes and bits in memory.
	Disk    bool          `json:"disk"`
	Faiss   *Faiss        `json:"faiss,omitempty"`
	Machine bench.Machine `json:"machine"`
}

// speed finds a measurement; the zero value if there is none.
func speed(of []Speed, mode string, probes int) Speed {
	for _, s := range of {
		if s.Mode == mode && s.Probes == probes {
			return s
		}
	}
	return Speed{}
}
