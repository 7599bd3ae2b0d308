;; A filter that adds a header to each request and forwards it with the outcome OK. Its configuration fails in its second
;; and third VM. The first VM is Envoy's trial, which must succeed. The other three belong to the main thread and to two
;; workers, so at least one worker fails. $FAIL has the instructions that fail.
(module
  (import "env" "proxy_set_shared_data"
    (func $set_shared_data (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_property" (func $set_property (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_add_header_map_value"
    (func $add_header (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "1")
  (data (i32.const 16) "jwt_auth_code")
  (data (i32.const 32) "OK")
  (data (i32.const 48) "x-filtered")
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 1))
  ;; The number of this VM: the first key of "1", "2", ... that no other VM has created in the shared data.
  (func $ordinal (result i32)
    (local $n i32)
    (loop $next
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (i32.store8 (i32.const 0) (i32.add (i32.const 48) (local.get $n)))
      (br_if $next
        (call $set_shared_data (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1) (i32.const -1))))
    (local.get $n))
  (func (export "proxy_on_configure") (param i32 i32) (result i32)
    (local $n i32)
    (local.set $n (call $ordinal))
    (if (i32.or (i32.eq (local.get $n) (i32.const 2)) (i32.eq (local.get $n) (i32.const 3)))
      (then $FAIL))
    (i32.const 1))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (drop (call $set_property (i32.const 16) (i32.const 13) (i32.const 32) (i32.const 2)))
    (drop (call $add_header (i32.const 0) (i32.const 48) (i32.const 10) (i32.const 32) (i32.const 2)))
    (i32.const 0)))
