package tenterhook

import "unsafe"

// alive has the memory that the server reads or writes: it lives as long as the instance, which is one call.
var alive [][]uint64

// allocate gives memory aligned to 8 bytes.
func allocate(size uintptr) unsafe.Pointer {
	block := make([]uint64, size/8+1)
	alive = append(alive, block)
	return unsafe.Pointer(unsafe.SliceData(block))
}

//go:wasmexport cabi_realloc
func realloc(old unsafe.Pointer, oldSize, _, size uintptr) unsafe.Pointer {
	block := allocate(size)
	if oldSize > 0 {
		copy(unsafe.Slice((*byte)(block), size), unsafe.Slice((*byte)(old), min(oldSize, size)))
	}
	return block
}

// What adapts Go's system calls wants a little memory while the runtime starts, when nothing can be allocated.
var (
	early     [24 << 10]uint64
	earlyUsed uintptr
)

//go:wasmexport cabi_realloc_adapter
//go:nosplit
func reallocEarly(_ unsafe.Pointer, _, _, size uintptr) unsafe.Pointer {
	start := earlyUsed
	earlyUsed += (size + 7) / 8
	if earlyUsed > uintptr(len(early)) {
		return nil
	}
	return unsafe.Pointer(&early[start])
}

// area is memory in the shapes of the component model: numbers little-endian, texts and lists as address and length.
type area struct{ base unsafe.Pointer }

func newArea(size uintptr) area { return area{allocate(size)} }

func areaAt(address uint32) area { return area{unsafe.Pointer(uintptr(address))} }

func (a area) address() uint32 { return uint32(uintptr(a.base)) }

func (a area) byte(at uintptr) *uint8    { return (*uint8)(unsafe.Add(a.base, at)) }
func (a area) half(at uintptr) *uint16   { return (*uint16)(unsafe.Add(a.base, at)) }
func (a area) word(at uintptr) *uint32   { return (*uint32)(unsafe.Add(a.base, at)) }
func (a area) double(at uintptr) *uint64 { return (*uint64)(unsafe.Add(a.base, at)) }

func bytesAt(address, length uint32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(uintptr(address))), length)
}

func textAt(address, length uint32) string { return string(bytesAt(address, length)) }

func fieldsAt(address, length uint32) []Field {
	fields := make([]Field, length)
	for i := range fields {
		field := areaAt(address + uint32(i)*16)
		fields[i] = Field{field.text(0), field.text(8)}
	}
	return fields
}

func (a area) text(at uintptr) string    { return textAt(*a.word(at), *a.word(at + 4)) }
func (a area) bytes(at uintptr) []byte   { return bytesAt(*a.word(at), *a.word(at + 4)) }
func (a area) fields(at uintptr) []Field { return fieldsAt(*a.word(at), *a.word(at + 4)) }

// place copies bytes to where the server can read them.
func place(content []byte) (address, length uint32) {
	block := allocate(uintptr(len(content)))
	copy(unsafe.Slice((*byte)(block), len(content)), content)
	return uint32(uintptr(block)), uint32(len(content))
}

func (a area) setBytes(at uintptr, content []byte) { *a.word(at), *a.word(at + 4) = place(content) }
func (a area) setText(at uintptr, text string)     { a.setBytes(at, []byte(text)) }

func (a area) setFields(at uintptr, fields []Field) {
	list := newArea(uintptr(len(fields)) * 16)
	for i, field := range fields {
		list.setText(uintptr(i)*16, field.Name)
		list.setText(uintptr(i)*16+8, field.Value)
	}
	*a.word(at), *a.word(at + 4) = list.address(), uint32(len(fields))
}

// setOption writes a text that may be missing: empty counts as missing.
func (a area) setOption(at uintptr, text string) {
	if text != "" {
		*a.byte(at) = 1
		a.setText(at+4, text)
	}
}
