// SPDX-License-Identifier: MIT

// Goroutines on two threads: a goroutine for every task, a channel for every
// result. The workloads are those of harness.c.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	workers   = 2
	producers = 4
	notRun    = 77
)

var scale = 1

func tasks() int { return 1000000 / scale }

func work(x int64) int64 { return x*2 + 1 }

func mix(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	return x ^ x>>29
}

func rangeSum(begin, end uint64) uint64 {
	var sum uint64
	for i := begin; i < end; i++ {
		sum += mix(i)
	}
	return sum
}

func async(x int64) chan int64 {
	result := make(chan int64, 1)
	go func() { result <- work(x) }()
	return result
}

// seconds runs body twice and tells how long the second time took.
func seconds(body func()) float64 {
	body()
	begin := time.Now()
	body()
	return time.Since(begin).Seconds()
}

func say(metric string, value float64) { fmt.Printf("%s %.4f\n", metric, value) }

func sayRate(seconds float64) { say("rate", float64(tasks())/seconds/1e6) }

func submit1() {
	sayRate(seconds(func() {
		var all sync.WaitGroup
		all.Add(tasks())
		for i := 0; i < tasks(); i++ {
			go func() { all.Done() }()
		}
		all.Wait()
	}))
}

func submit4() {
	sayRate(seconds(func() {
		var all sync.WaitGroup
		all.Add(tasks())
		for p := 0; p < producers; p++ {
			go func() {
				for i := 0; i < tasks()/producers; i++ {
					go func() { all.Done() }()
				}
			}()
		}
		all.Wait()
	}))
}

func collect() {
	sayRate(seconds(func() {
		results := make([]chan int64, tasks())
		for i := range results {
			results[i] = async(int64(i))
		}
		var sum int64
		for _, result := range results {
			sum += <-result
		}
		if sum != int64(tasks())*int64(tasks()) {
			panic("wrong answer")
		}
	}))
}

func latency(rounds int, gap time.Duration) {
	ns := make([]int, rounds)
	for i := -rounds / 10; i < rounds; i++ {
		if gap > 0 {
			time.Sleep(gap)
		}
		begin := time.Now()
		<-async(int64(i))
		if i >= 0 {
			ns[i] = int(time.Since(begin).Nanoseconds())
		}
	}
	sort.Ints(ns)
	say("p50", float64(ns[rounds/2]))
	say("p99", float64(ns[rounds*99/100]))
}

func fib(n int) int {
	if n < 2 {
		return n
	}
	forked := make(chan int, 1)
	go func() { forked <- fib(n - 1) }()
	own := fib(n - 2)
	return <-forked + own
}

func fib30() {
	n := 30
	if scale > 1 {
		n = 20
	}
	say("time", 1e3*seconds(func() { fib(n) }))
}

func parfor() {
	const chunks = 64
	n := uint64(10 * tasks())
	say("time", 1e3*seconds(func() {
		var sum uint64
		var all sync.WaitGroup
		all.Add(chunks)
		for i := uint64(0); i < chunks; i++ {
			go func(i uint64) {
				atomic.AddUint64(&sum, rangeSum(n*i/chunks, n*(i+1)/chunks))
				all.Done()
			}(i)
		}
		all.Wait()
	}))
}

func resident() float64 {
	var size, pages int
	text, _ := os.ReadFile("/proc/self/statm")
	fmt.Sscanf(string(text), "%d %d", &size, &pages)
	return float64(pages * os.Getpagesize())
}

// bytes counts goroutines that have begun and wait: Go has no task that is
// only queued.
func bytes() {
	gate := make(chan int)
	runtime.GC()
	before := resident()
	for i := 0; i < tasks(); i++ {
		go func() { <-gate }()
	}
	time.Sleep(500 * time.Millisecond)
	say("bytes", (resident()-before)/float64(tasks()))
}

func idle() {
	for i := 0; i < 1000; i++ {
		<-async(1)
	}
	fmt.Println("ready")
	bufio.NewReader(os.Stdin).ReadByte()
}

func main() {
	workloads := map[string]func(){
		"submit1":        submit1,
		"submit4":        submit4,
		"collect":        collect,
		"latency":        func() { latency(100000/scale, 0) },
		"latency300us":   func() { latency(3000/scale, 300*time.Microsecond) },
		"fib30":          fib30,
		"parfor":         parfor,
		"bytes-detached": bytes,
		"idle":           idle,
	}
	runtime.GOMAXPROCS(workers)
	scale, _ = strconv.Atoi(os.Args[2])
	run, known := workloads[os.Args[1]]
	if !known {
		os.Exit(notRun)
	}
	run()
}
