// Searches the rows of a file with libfaiss and prints what it took, as one line of
// JSON. The index is the one that stood best in the field for vectors of 512
// dimensions: product quantization in 4 bits, scanned in registers, and the best
// candidates scored again with the rows themselves. One thread; processor time.
//
//   compare FILE ROWS DIMENSIONS PROBES CANDIDATES SECONDS
//
// FILE holds, as little-endian float32: the rows, then the probes. Behind them, as
// int64: for each probe the row that the exact search ranks first and that is its mate,
// or -1.

#include <faiss/IndexFlat.h>
#include <faiss/IndexRefine.h>
#include <faiss/index_factory.h>
#include <faiss/utils/distances.h>
#include <faiss/utils/utils.h>
#include <omp.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point t) {
    return std::chrono::duration<double>(Clock::now() - t).count();
}

double processor_seconds() {
    rusage u;
    getrusage(RUSAGE_SELF, &u);
    return u.ru_utime.tv_sec + u.ru_stime.tv_sec + 1e-6 * (u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

struct File {
    FILE* f;
    explicit File(const char* path) : f(fopen(path, "rb")) {
        if (!f) throw std::runtime_error(std::string("cannot open ") + path);
    }
    ~File() { fclose(f); }
    template <class T>
    void read(std::vector<T>& into, size_t n) {
        into.resize(n);
        if (fread(into.data(), sizeof(T), n, f) != n) throw std::runtime_error("the file is too short");
    }
};

// quoted leaves out what JSON would need escapes for.
std::string quoted(std::string s) {
    s.erase(std::remove_if(s.begin(), s.end(), [](char c) { return c == '"' || c == '\\' || c < ' '; }), s.end());
    return '"' + s + '"';
}

void run(char** argv) {
    File file(argv[1]);
    const size_t n = strtoull(argv[2], nullptr, 10), d = strtoull(argv[3], nullptr, 10), m = strtoull(argv[4], nullptr, 10);
    const float candidates = strtof(argv[5], nullptr);
    const double duration = strtod(argv[6], nullptr);
    omp_set_num_threads(1);
    // Batches of 32 should go the way of matrix products.
    faiss::distance_compute_blas_threshold = 8;

    const std::string name = "PQ" + std::to_string(d / 4) + "x4fs,RFlat";
    std::unique_ptr<faiss::Index> index(faiss::index_factory(int(d), name.c_str(), faiss::METRIC_INNER_PRODUCT));
    auto* refine = dynamic_cast<faiss::IndexRefine*>(index.get());
    if (!refine) throw std::runtime_error(name + " is not a refined index in this version");
    refine->k_factor = candidates;

    // Rows come in pieces, so that they are held once.
    const size_t piece = 65536;
    std::vector<float> rows, probes;
    const auto begun = Clock::now();
    for (size_t at = 0; at < n; at += piece) {
        const size_t count = std::min(piece, n - at);
        file.read(rows, count * d);
        if (at == 0) index->train(count, rows.data());
        index->add(count, rows.data());
    }
    const double built = seconds_since(begun);
    std::vector<int64_t> mates;
    file.read(probes, m * d);
    file.read(mates, m);

    // The best of some rounds.
    auto speed = [&](size_t batch) {
        std::vector<float> distances(batch);
        std::vector<int64_t> labels(batch);
        double best = 0;
        size_t at = 0;
        for (int round = 0; round < 5; round++) {
            const double cpu = processor_seconds();
            const auto start = Clock::now();
            size_t done = 0;
            while (done == 0 || seconds_since(start) < duration / 5) {
                if (at + batch > m) at = 0;
                index->search(batch, probes.data() + at * d, 1, distances.data(), labels.data());
                at += batch;
                done += batch;
            }
            best = std::max(best, done / (processor_seconds() - cpu));
        }
        return best;
    };
    const double one = speed(1), many = speed(std::min<size_t>(32, m));

    size_t seen = 0, lost = 0;
    std::vector<float> distances(m);
    std::vector<int64_t> labels(m);
    index->search(m, probes.data(), 1, distances.data(), labels.data());
    for (size_t i = 0; i < m; i++) {
        if (mates[i] < 0) continue;
        seen++;
        if (labels[i] != mates[i]) lost++;
    }
    const std::string version = std::to_string(FAISS_VERSION_MAJOR) + "." + std::to_string(FAISS_VERSION_MINOR) + "." + std::to_string(FAISS_VERSION_PATCH);
    printf("{\"version\":%s,\"options\":%s,\"index\":%s,\"build_seconds\":%.3f,\"one_per_core_second\":%.3f,\"batch_per_core_second\":%.3f,\"seen\":%zu,\"lost\":%zu}\n",
           quoted(version).c_str(), quoted(faiss::get_compile_options()).c_str(), quoted(name + " k " + argv[5]).c_str(), built, one, many, seen, lost);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 7) {
        fprintf(stderr, "usage: compare FILE ROWS DIMENSIONS PROBES CANDIDATES SECONDS\n");
        return 2;
    }
    try {
        run(argv);
    } catch (const std::exception& e) {
        fprintf(stderr, "%s\n", e.what());
        return 1;
    }
    return 0;
}
