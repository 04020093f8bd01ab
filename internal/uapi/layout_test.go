package uapi_test

import "github.com/ringbench/ringbench/internal/uapi"

// A layout pairs a structure of the headers with ours, field by field:
// "their_name:OurName". Fields that C overlays on one place share a name, one
// that begins inside a field of ours is so many bytes into it.
type layout struct {
	ours   any
	fields string
}

var layouts = map[string]layout{
	"io_uring_sqe": {uapi.SQE{}, "opcode:Opcode flags:Flags ioprio:Ioprio fd:FD off:Off addr2:Off cmd_op:Off addr:Addr " +
		"splice_off_in:Addr level:Addr optname:Addr+4 len:Len rw_flags:OpFlags fsync_flags:OpFlags poll_events:OpFlags poll32_events:OpFlags " +
		"sync_range_flags:OpFlags msg_flags:OpFlags timeout_flags:OpFlags accept_flags:OpFlags cancel_flags:OpFlags " +
		"open_flags:OpFlags statx_flags:OpFlags fadvise_advice:OpFlags splice_flags:OpFlags rename_flags:OpFlags " +
		"unlink_flags:OpFlags hardlink_flags:OpFlags xattr_flags:OpFlags msg_ring_flags:OpFlags uring_cmd_flags:OpFlags " +
		"waitid_flags:OpFlags futex_flags:OpFlags install_fd_flags:OpFlags nop_flags:OpFlags pipe_flags:OpFlags " +
		"user_data:UserData buf_index:BufIndex buf_group:BufIndex personality:Personality splice_fd_in:FileIndex " +
		"file_index:FileIndex zcrx_ifq_idx:FileIndex optlen:FileIndex addr_len:FileIndex write_stream:FileIndex addr3:Addr3 attr_ptr:Addr3 " +
		"optval:Addr3 attr_type_mask:AttrMask"},
	"io_uring_attr_pi": {uapi.AttrPI{}, "flags:Flags app_tag:AppTag len:Len addr:Addr seed:Seed"},
	"io_uring_cqe":     {uapi.CQE{}, "user_data:UserData res:Res flags:Flags"},
	"io_uring_params": {uapi.Params{}, "sq_entries:SQEntries cq_entries:CQEntries flags:Flags sq_thread_cpu:SQThreadCPU " +
		"sq_thread_idle:SQThreadIdle features:Features wq_fd:WQFD sq_off:SQOff cq_off:CQOff"},
	"io_sqring_offsets": {uapi.SQRingOffsets{}, "head:Head tail:Tail ring_mask:RingMask ring_entries:RingEntries flags:Flags " +
		"dropped:Dropped array:Array user_addr:UserAddr"},
	"io_cqring_offsets": {uapi.CQRingOffsets{}, "head:Head tail:Tail ring_mask:RingMask ring_entries:RingEntries " +
		"overflow:Overflow cqes:CQEs flags:Flags user_addr:UserAddr"},
	"__kernel_timespec":         {uapi.Timespec{}, "tv_sec:Sec tv_nsec:Nsec"},
	"io_timespec":               {uapi.IOTimespec{}, "tv_sec:Sec tv_nsec:Nsec"},
	"io_uring_getevents_arg":    {uapi.GetEventsArg{}, "sigmask:Sigmask sigmask_sz:SigmaskSize min_wait_usec:MinWaitUsec ts:TS"},
	"io_uring_reg_wait":         {uapi.RegWait{}, "ts:TS min_wait_usec:MinWaitUsec flags:Flags sigmask:Sigmask sigmask_sz:SigmaskSize"},
	"io_uring_recvmsg_out":      {uapi.RecvmsgOut{}, "namelen:NameLen controllen:ControlLen payloadlen:PayloadLen flags:Flags"},
	"io_uring_buf":              {uapi.Buf{}, "addr:Addr len:Len bid:Bid resv:Resv"},
	"io_uring_buf_ring":         {uapi.Buf{}, "tail:Resv"},
	"io_uring_buf_reg":          {uapi.BufReg{}, "ring_addr:RingAddr ring_entries:RingEntries bgid:Bgid flags:Flags min_left:MinLeft"},
	"io_uring_buf_status":       {uapi.BufStatus{}, "buf_group:BufGroup head:Head"},
	"io_uring_napi":             {uapi.NAPI{}, "busy_poll_to:BusyPollUsec prefer_busy_poll:PreferBusyPoll opcode:Opcode op_param:OpParam"},
	"io_uring_clock_register":   {uapi.ClockRegister{}, "clockid:ClockID"},
	"io_uring_rsrc_register":    {uapi.RsrcRegister{}, "nr:Nr flags:Flags data:Data tags:Tags"},
	"io_uring_rsrc_update":      {uapi.RsrcUpdate{}, "offset:Offset data:Data"},
	"io_uring_rsrc_update2":     {uapi.RsrcUpdate2{}, "offset:Offset data:Data tags:Tags nr:Nr"},
	"io_uring_files_update":     {uapi.RsrcUpdate{}, "offset:Offset fds:Data"},
	"io_uring_file_index_range": {uapi.FileIndexRange{}, "off:Off len:Len"},
	"io_uring_clone_buffers":    {uapi.CloneBuffers{}, "src_fd:SrcFD flags:Flags src_off:SrcOff dst_off:DstOff nr:Nr"},
	"io_uring_region_desc":      {uapi.RegionDesc{}, "user_addr:UserAddr size:Size flags:Flags id:ID mmap_offset:MmapOffset"},
	"io_uring_mem_region_reg":   {uapi.MemRegionReg{}, "region_uptr:Region flags:Flags"},
	"io_uring_sync_cancel_reg":  {uapi.SyncCancelReg{}, "addr:Addr fd:FD flags:Flags timeout:Timeout opcode:Opcode"},
	"io_uring_restriction":      {uapi.Restriction{}, "opcode:Opcode register_op:Arg sqe_op:Arg sqe_flags:Arg"},
	"io_uring_task_restriction": {uapi.TaskRestriction{}, "flags:Flags nr_res:Nr"},
	"io_uring_probe_op":         {uapi.ProbeOp{}, "op:Op flags:Flags"},
	"io_uring_probe":            {uapi.Probe{}, "last_op:LastOp ops_len:OpsLen ops:Ops"},
	"io_uring_query_hdr":        {uapi.QueryHdr{}, "next_entry:Next query_data:Data query_op:Op size:Size result:Result"},
	"io_uring_query_opcode": {uapi.QueryOpcode{}, "nr_request_opcodes:RequestOps nr_register_opcodes:RegisterOps " +
		"feature_flags:Features ring_setup_flags:SetupFlags enter_flags:EnterFlags sqe_flags:SQEFlags nr_query_opcodes:Queries"},
	"io_uring_query_zcrx": {uapi.QueryZCRXInfo{}, "register_flags:RegisterFlags area_flags:AreaFlags nr_ctrl_opcodes:CtrlOps " +
		"features:Features rq_hdr_size:RQHdrSize rq_hdr_alignment:RQHdrAlignment"},
	"io_uring_query_zcrx_event": {uapi.QueryZCRXEventInfo{}, "event_flags:Events stats_size:StatsSize stats_off_alignment:StatsAlignment"},
	"io_uring_query_scq":        {uapi.QuerySCQInfo{}, "hdr_size:HdrSize hdr_alignment:HdrAlignment"},
	"io_uring_zcrx_rqe":         {uapi.ZCRXRQE{}, "off:Off len:Len"},
	"io_uring_zcrx_cqe":         {uapi.ZCRXCQE{}, "off:Off"},
	"io_uring_zcrx_offsets":     {uapi.ZCRXOffsets{}, "head:Head tail:Tail rqes:RQEs"},
	"io_uring_zcrx_area_reg":    {uapi.ZCRXAreaReg{}, "addr:Addr len:Len rq_area_token:RQAreaToken flags:Flags dmabuf_fd:DMABufFD"},
	"io_uring_zcrx_ifq_reg": {uapi.ZCRXIFQReg{}, "if_idx:IfIdx if_rxq:IfRXQ rq_entries:RQEntries flags:Flags area_ptr:AreaPtr " +
		"region_ptr:RegionPtr offsets:Offsets zcrx_id:ZCRXID rx_buf_len:RXBufLen " +
		"event_desc:EventDesc notif_desc:EventDesc"},
	"zcrx_ctrl":              {uapi.ZCRXCtrl{}, "zcrx_id:ZCRXID op:Op zc_export:Arg zc_flush:Arg zc_arm_event:Arg zc_arm_notif:Arg zc_area:Arg"},
	"zcrx_ctrl_flush_rq":     {[6]uint64{}, ""},
	"zcrx_ctrl_export":       {uapi.ZCRXExport{}, "zcrx_fd:FD"},
	"zcrx_ctrl_arm_event":    {uapi.ZCRXArmEvent{}, "event_type:Type"},
	"zcrx_ctrl_arm_notif":    {uapi.ZCRXArmEvent{}, "notif_type:Type"}, // so called in Linux 7.1
	"zcrx_ctrl_add_area":     {uapi.ZCRXAddArea{}, "area_ptr:AreaPtr"},
	"zcrx_event_desc":        {uapi.ZCRXEventDesc{}, "user_data:UserData type_mask:TypeMask flags:Flags stats_offset:StatsOffset"},
	"zcrx_notification_desc": {uapi.ZCRXEventDesc{}, "user_data:UserData type_mask:TypeMask"}, // likewise
	"zcrx_stats":             {uapi.ZCRXStats{}, "copy_count:CopyCount copy_bytes:CopyBytes"},
	"io_uring_bpf_ctx":       {uapi.BPFCtx{}, "user_data:UserData opcode:Opcode sqe_flags:SQEFlags pdu_size:PDUSize socket:Aux open:Aux connect:Aux"},
	"io_uring_bpf_filter":    {uapi.BPFFilter{}, "opcode:Opcode flags:Flags filter_len:FilterLen pdu_size:PDUSize filter_ptr:FilterPtr"},
	"io_uring_bpf":           {uapi.BPF{}, "cmd_type:CmdType cmd_flags:CmdFlags filter:Filter"},
}

// tails are structures that end in an array without a length, and how many
// entries of which structure ours has room for.
var tails = map[string]string{
	"io_uring_probe": "256*sizeof(struct io_uring_probe_op)",
}
