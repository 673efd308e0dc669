"""Records: Parquet files that hold configurations, their results, and the provenance of both.

The modules:

* `adamlab.records.schema`: the columns of each kind of record, with type, unit and meaning;
* `adamlab.records.reading`: read the records of a study;
* `adamlab.records.writing`: write record files, and add runs to a study;
* `adamlab.records.merging`: merge the many files of a study into few;
* `adamlab.records.identity`: ``run_id``, the hash that identifies a run;
* `adamlab.records.fingerprint`: the hash of source files that identifies a version of the code;
* `adamlab.records.provenance`: versions, commit, machine, command line and time for the footer of a file;
* `adamlab.records.options`: options of programs that read records;
* `adamlab.records.asv_results`: read the result files of airspeed velocity.

**Folders.** The records of a study lie in one folder, named after the study, below the root folder of results (key
``results``, by default ``results``; a study without a name is ``default``)::

    <results>/<study>/runs/*.parquet          one row per run
    <results>/<study>/trace/*.parquet         one row per kept step of a run, with the run's run_id
    <results>/<study>/timings/*.parquet       one row per timed configuration and implementation
    <results>/<study>/conformance/*.parquet   one row per optimizer and method of another library
    <results>/<study>/benchmarks/             the result files of airspeed velocity, which are JSON
    <results>/<study>/slurm/                  logs of SLURM jobs, which are no records
    <results>/<study>/.lock                   lock file

`adamlab.records.schema` has the table of columns.

**File names.** ``part-<UTC time>-<8 hex digits>.parquet`` is a file of records as they were added, and
``merged-<UTC time>-<8 hex digits>.parquet`` a file that replaces several others (`adamlab.records.merging`). The time
has microseconds, so file names in alphabetical order run from the oldest records to the newest, and merged files come
first. A file in ``trace`` has the same name as the file in ``runs`` that holds the rows of its runs. A file that is
being written is called ``.<name>.parquet.tmp``; a killed program can leave one behind, and the next program that adds
runs to the study removes it.

**Lock.** A program holds ``.lock`` (a lock of the filelock package) while it adds runs to a study or merges its files.
Readers do not need the lock. Timings and conformance are written without it: each measurement is one new file.

**Footer metadata.** Every file carries its provenance in the key-value metadata of its footer
(``polars.read_parquet_metadata``), as text: ``time`` (ISO 8601, UTC), ``command``, ``git_commit``, ``git_clean``
(``true``, ``false``, or empty outside a git checkout), ``machine``, ``python`` and ``packages`` (versions as a JSON
object). Timings and conformance add the version of each peer, timings also the thread settings and the load of the
machine, and runs done by a cluster the executor, job and node. A merged file has ``merged`` instead: a JSON list of the
footers of the files it was made from. The last file of a merge also has ``replaces``: a JSON list of the names of the
files that the merge replaces.

**What a reader may rely on.**

* A file called ``*.parquet`` is complete, and its content never changes. Only merging removes files of runs; a reader
  that has listed the files before may then miss one and has to list them again.
* The trace of a run is on disk before its row in ``runs``. A trace whose ``run_id`` is not in ``runs`` was left by a
  killed program and is to be ignored.
* A column has the same name and type in every file, but not every file has every column: a key that was not used is
  missing. Read the files with ``polars.concat(..., how="diagonal")``, or in DuckDB with ``union_by_name = true``; a
  missing column is then null.
* A configuration can have several rows, because it was run again or because the code of its algorithms has changed.
  The last row counts, in the order of file names and within a file; `adamlab.records.reading.read` returns only these
  rows. They are the same before, during and after a merge.
"""
